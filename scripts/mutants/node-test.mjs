/** Stands for node:test: keeps the tests, to be run again and again. */
export const tests = [];

export function test(name, ...rest) {
  tests.push({ name, run: rest.at(-1) });
}
