import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

/** A root certificate and two names signed by it. */
export function certificates(dir: string): void {
  const openssl = (...args: string[]): void => {
    const ran = spawnSync("openssl", args, { cwd: dir, encoding: "utf8" });
    assert.equal(ran.status, 0, ran.stderr);
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test root", "-days", "2");
  for (const name of ["server", "alice", "mallory", "admin"]) {
    openssl("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    openssl(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-out",
      `${name}.pem`,
      "-days",
      "2",
    );
  }
}
