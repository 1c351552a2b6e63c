/** What the engine needs of a logger (pino's shape). */
export type EngineLogger = {
  info(...args: [string] | [object, string]): void;
  warn(...args: [string] | [object, string]): void;
  error(...args: [string] | [object, string]): void;
};
