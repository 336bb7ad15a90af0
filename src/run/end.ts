/**
 * Ends the step with this exit code as soon as the runner has all that was printed. Kept connections and Node's heap are not taken down before:
 * that costs milliseconds, and a connection that does not close must not keep a job waiting whose answer is known.
 */
export function endStep(code: number): void {
  process.exitCode = code;
  process.stdout.write('', () => process.exit());
}
