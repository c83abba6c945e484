/**
 * With what Node runs this program's servers. New objects get 2 MiB before what is left of them is moved: nearly all of them end with
 * their request, and left to itself V8 takes eight times as much. bin/lyonnais says the same.
 */
export const NODE_FLAGS: readonly string[] = ["--max-semi-space-size=2"];
