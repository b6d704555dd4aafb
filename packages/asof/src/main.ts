import { exitCodes } from './failure.ts'
import { processTerminal } from './output/terminal.ts'
import { runProgram } from './program.ts'

const stop = new AbortController()

/** The first Ctrl-C asks for an orderly end, the second one ends. */
function onInterrupt(): void {
  if (stop.signal.aborted) process.exit(exitCodes.interrupted)
  stop.abort()
  process.stderr.write('\nStopping …\n')
}
process.on('SIGINT', onInterrupt)
process.on('SIGTERM', onInterrupt)

process.exitCode = await runProgram(process.argv.slice(2), {
  terminal: processTerminal(),
  signal: stop.signal,
})
