/** The noriter command: puts the server that App.ts knows under the commands that run it. */
import manifest from "../package.json" with { type: "json" }
import { layer, operator, outside, watching } from "./App.ts"
import { Runner } from "./client/Runner.ts"
import { protocol } from "./client/SessionConsumer.ts"
import { main } from "./command/Noriter.ts"

main({ runner: Runner, layer, version: manifest.version, protocol }, watching, outside, operator)
