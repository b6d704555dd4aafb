import type { Row } from './report.ts'
export async function benchOpen(): Promise<Row[]> { return [] }
