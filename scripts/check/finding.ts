/** One thing a check objects to. The message says what to write instead. */
export interface Finding {
  readonly file: string
  /** Counted from 1; 0 when the finding is about the whole file. */
  readonly line: number
  readonly message: string
}

/** What a check found, and figures worth printing when it passes. */
export interface CheckReport {
  readonly findings: readonly Finding[]
  /** Printed, but not a failure. */
  readonly notes?: readonly string[]
}

export function describeFinding(finding: Finding): string {
  const place = finding.line > 0 ? `${finding.file}:${finding.line}` : finding.file
  return `${place}  ${finding.message}`
}
