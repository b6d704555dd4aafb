export { AsOfLevel, type AsOfLevelOptions, type AsOfLevelSource } from './as-of-level.ts'
export type { AsOfLevelWriteOptions } from './syncing-level.ts'
export { AsOfLevelError, type AsOfLevelErrorCode } from './level-error.ts'
export type { AsOfPoint } from './level-snapshot.ts'
