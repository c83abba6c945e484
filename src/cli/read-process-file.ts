import { openTreeAt, type TreePlace } from "../app/open-tree.ts";
import { readAll } from "../app/tree-client.ts";

/** The lines of a text of a process; `process` is a pid, or the path of its directory below a mount. */
export async function readProcessFile(process: string, name: string, place: TreePlace): Promise<string[]> {
  const { client, path } = await openTreeAt(`${process}/${name}`, place);
  try {
    const parts: Uint8Array[] = [];
    await readAll(client, path, (bytes) => parts.push(bytes.slice()));
    return Buffer.concat(parts).toString("latin1").split("\n").slice(0, -1);
  } finally {
    await client.close();
  }
}

/** The names in a directory of a process. */
export async function listProcessDirectory(
  process: string,
  name: string,
  place: TreePlace,
): Promise<readonly string[]> {
  const { client, path } = await openTreeAt(`${process}/${name}`, place);
  try {
    return await client.list(path);
  } finally {
    await client.close();
  }
}
