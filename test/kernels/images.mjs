// The disks of a guest: a small Debian made of packages, kept in the cache, and this checkout with a Node, made anew each time.
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { run } from "./apt.mjs";

/** What the tests and their programs need of a system, and no more. */
const PACKAGES =
  "base-files base-passwd bash binutils bsdutils busybox-static coreutils dash e2fsprogs findutils fuse3 gcc gdb grep libc6-dev mount openssl procps python3 sed strace util-linux xxd".split(
    " ",
  );
const MERGED = ["bin", "sbin", "lib"];
const MODULES =
  "virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_mmio virtio_blk crc16 crc32c_generic libcrc32c crc32c_cryptoapi mbcache jbd2 ext4 fuse loop".split(
    " ",
  );
/** Left out of the checkout: what only builds it. */
const NOT_IN_GUEST = /^(\.git|coverage|node_modules\/(@biomejs|@typescript|typescript|c8|\.cache)\b.*|bench)$/;

function makeImage(from, image, megabytes) {
  rmSync(image, { force: true });
  run("mkfs.ext4", ["-q", "-F", "-O", "^metadata_csum_seed,^orphan_file", "-d", from, image, `${megabytes}m`]);
}

/** The system's image, for `arch`. */
export function systemImage(apt, cache, arch) {
  const debs = apt.withDependencies(PACKAGES);
  const stamp = createHash("sha256")
    .update(debs.map((deb) => basename(deb)).join())
    .update(String(systemImage))
    .digest("hex");
  const image = join(cache, `system-${arch}.ext4`);
  const stampFile = `${image}.stamp`;
  if (existsSync(image) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return image;
  const root = join(cache, `system-${arch}`);
  rmSync(root, { recursive: true, force: true });
  for (const dir of [
    ...MERGED.map((name) => join("usr", name)),
    "usr/lib64",
    "app",
    "dev",
    "proc",
    "sys",
    "run",
    "tmp",
    "root",
    "etc",
    "mnt",
  ]) {
    mkdirSync(join(root, dir), { recursive: true });
  }
  for (const name of [...MERGED, "lib64"]) symlinkSync(`usr/${name}`, join(root, name));
  for (const deb of debs)
    run("sh", ["-c", `dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --keep-directory-symlink`, "sh", deb, root]);
  // What the packages' scripts would do.
  for (const name of ["passwd", "group"])
    cpSync(join(root, `usr/share/base-passwd/${name}.master`), join(root, "etc", name));
  writeFileSync(join(root, "etc/passwd"), "ordinary:x:61001:61001::/tmp:/bin/bash\n", { flag: "a" });
  writeFileSync(join(root, "etc/group"), "ordinary:x:61001:\n", { flag: "a" });
  writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost\n");
  for (const [name, to] of [
    ["sh", "dash"],
    ["cc", "gcc"],
    ["awk", "mawk"],
  ])
    if (!existsSync(join(root, "usr/bin", name))) symlinkSync(to, join(root, "usr/bin", name));
  symlinkSync("../proc/self/mounts", join(root, "etc/mtab"));
  chmodSync(join(root, "tmp"), 0o1777);
  for (const unused of ["usr/share/doc", "usr/share/locale", "usr/share/man"])
    rmSync(join(root, unused), { recursive: true, force: true });
  makeImage(root, image, 1500);
  rmSync(root, { recursive: true });
  writeFileSync(stampFile, stamp);
  return image;
}

/** The checkout as it is built, and `node` of the guest's processor beside it. */
export function checkoutImage(work, checkout, { major, nodeArch, ours, script }) {
  const root = join(work, "checkout");
  mkdirSync(join(root, "node"), { recursive: true });
  cpSync(checkout, root, {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
    filter: (path) => {
      const inside = path.slice(checkout.length + 1);
      return !NOT_IN_GUEST.test(inside) && (ours || inside !== join("dist", "test", "programs"));
    },
  });
  unpackFromNpm(work, `node-linux-${nodeArch}@${major}`, join(root, "node"));
  const koffi = JSON.parse(readFileSync(join(checkout, "node_modules/koffi/package.json"), "utf8")).version;
  const binary = join(root, `node_modules/@koromix/koffi-linux-${nodeArch}`);
  if (!existsSync(binary)) unpackFromNpm(work, `@koromix/koffi-linux-${nodeArch}@${koffi}`, binary);
  writeFileSync(join(root, "job"), script);
  const image = join(work, "checkout.ext4");
  makeImage(root, image, 500);
  rmSync(root, { recursive: true });
  return image;
}

function unpackFromNpm(work, name, to) {
  mkdirSync(to, { recursive: true });
  const archive = run("npm", ["pack", "--silent", "--pack-destination", work, name], { cwd: work })
    .trim()
    .split("\n")
    .at(-1);
  run("tar", ["-xzf", join(work, archive), "-C", to, "--strip-components=1"]);
}

/** What a kernel's package boots with: the kernel, and an initrd with busybox and the modules for disks and FUSE. */
export function bootFiles(work, deb, busybox, init) {
  const kernel = join(work, "kernel");
  rmSync(kernel, { recursive: true, force: true });
  run("dpkg-deb", ["-x", deb, kernel]);
  const initrd = join(work, "initrd");
  rmSync(initrd, { recursive: true, force: true });
  for (const dir of ["bin", "mod", "proc", "sys", "dev", "new"]) mkdirSync(join(initrd, dir), { recursive: true });
  cpSync(busybox, join(initrd, "bin/busybox"));
  cpSync(init, join(initrd, "init"));
  chmodSync(join(initrd, "init"), 0o755);
  const version = run("ls", [join(kernel, "lib/modules")]).trim();
  for (const name of MODULES)
    run("find", [join(kernel, "lib/modules"), "-name", `${name}.ko*`, "-exec", "cp", "{}", join(initrd, "mod/"), ";"]);
  run("sh", [
    "-c",
    `xz -dqf "$1"/mod/*.xz 2> /dev/null; cd "$1" && find . | cpio -o -H newc --quiet | gzip -1 > "$1.gz"`,
    "sh",
    initrd,
  ]);
  return {
    version,
    vmlinuz: join(kernel, "boot", `vmlinuz-${version}`),
    initrd: `${initrd}.gz`,
    size: statSync(`${initrd}.gz`).size,
  };
}

/** Of the system's image, without mounting it. */
export function busyboxOf(image, work) {
  const path = join(work, "busybox");
  run("debugfs", ["-R", `dump /usr/bin/busybox ${path}`, image]);
  chmodSync(path, 0o755);
  return path;
}
