import type { Row } from './report.ts'
export async function benchMemory(): Promise<Row[]> { return [] }
