/** k6 has it as a global, and its types leave it to the library of browsers. */
declare const console: { log(...values: unknown[]): void; error(...values: unknown[]): void }
