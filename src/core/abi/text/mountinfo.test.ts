import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMountinfo } from "./mountinfo.ts";

const TEXT = `22 28 0:21 / /proc rw,nosuid,nodev shared:12 - proc proc rw,hidepid=invisible
28 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw,discard
97 28 0:45 / /mnt/a\\040b\\134c rw shared:50 master:2 propagate_from:3 - fuse.lyonnais pr\\011oc rw,user_id=0
98 28 0:46 /- /- rw - tmpfs none rw
`;

test("a mount is told by its line, however many optional fields that has", () => {
  assert.deepEqual(parseMountinfo(TEXT), [
    { device: "0:21", dir: "/proc", type: "proc", source: "proc", options: ["rw", "hidepid=invisible"] },
    { device: "254:1", dir: "/", type: "ext4", source: "/dev/vda1", options: ["rw", "discard"] },
    { device: "0:45", dir: "/mnt/a b\\c", type: "fuse.lyonnais", source: "pr\toc", options: ["rw", "user_id=0"] },
    { device: "0:46", dir: "/-", type: "tmpfs", source: "none", options: ["rw"] },
  ]);
});

test("a line that is cut short says what it says, or nothing", () => {
  for (let length = 0; length <= TEXT.length; length++) {
    const mounts = parseMountinfo(TEXT.slice(0, length));
    const ended = TEXT.slice(0, length).split(/ -(?: |$)/m).length - 1;
    assert.equal(mounts.length, ended, `${length} characters`);
  }
  assert.deepEqual(parseMountinfo("1 2 0:1 / /x rw -"), [
    { device: "0:1", dir: "/x", type: "", source: "", options: [""] },
  ]);
});
