import type { Row } from './report.ts'
export async function benchImport(): Promise<Row[]> { return [] }
