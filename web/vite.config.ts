/**
 * How the page is built: files named by their content and no third-party host, so that the server may let browsers
 * keep them for ever and forbid everything else. Nothing is inlined, because the page's policy allows no inline script
 * or style.
 */
import { join } from "node:path"
import { defineConfig } from "vite"

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  // The SDK as it is in this repository, not as it was built last.
  resolve: { alias: { "@noriter/client": join(import.meta.dirname, "../sdk/typescript/src/Plaza.ts") } },
  // While one works on it: the page from here, the plaza from a server that runs beside.
  server: { proxy: { "/ws": { target: "ws://127.0.0.1:4780", ws: true } } },
  build: {
    outDir: "dist",
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1024
  }
})
