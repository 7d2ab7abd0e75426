/** The release before this one, as it was made: what ours has to get along with, and to go back to. */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const tag = "v0.1.0"
const root = join(import.meta.dirname, "../..")

/** Why it cannot be had; undefined where it can. A shallow clone has no tags. */
export const releaseMissing: string | undefined =
  spawnSync("git", ["rev-parse", "--verify", "--quiet", `${tag}^{commit}`], { cwd: root }).status === 0
    ? undefined
    : `${tag} is not in this clone`

/** Its files in a folder that goes with it, and what is installed here: it wants the same. */
export class Release implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "noriter-release-"))

  constructor() {
    const files = execFileSync("git", ["archive", tag], { cwd: root, maxBuffer: 256 * 1024 * 1024 })
    execFileSync("tar", ["-x", "-C", this.folder], { input: files })
    symlinkSync(join(root, "node_modules"), join(this.folder, "node_modules"))
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
