export const us = (ns: number): string => `${(ns / 1000).toFixed(2)} µs`;
export const ms = (ns: number): string => `${(ns / 1e6).toFixed(0)} ms`;
export const times = (n: number, command: string): string =>
  `i=0; while [ $i -lt ${n} ]; do ${command}; i=$((i+1)); done`;
