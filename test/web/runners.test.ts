/** The page where there are two runners over real servers: the one it is on dies, and it goes on at the other. */
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import { type Plaza, PlazaError } from "../../sdk/typescript/src/Plaza.ts"
import { unique } from "../contract/Eventually.ts"
import { Server } from "../e2e/Server.ts"
import { withServices } from "../services/Services.ts"
import { isMissing, launch, patienceMs, Window } from "./Browser.ts"
import { hear, phoneAt } from "./Company.ts"
import { Road } from "./Road.ts"

const startMs = 120_000

await withServices("the page, with two runners", ["redis", "kafka", "zookeeper"], (urls) => {
  let browser: Browser
  let one: Server
  let two: Server

  beforeAll(async () => {
    if (isMissing) return
    const world = unique("page")
    const start = (runner: string) =>
      Server.start({
        NORITER_REDIS_URL: urls.redis,
        NORITER_KAFKA_BROKERS: urls.kafka,
        NORITER_ZOOKEEPER: urls.zookeeper,
        NORITER_SECRET: "the secret of all runners",
        NORITER_PREFIX: world,
        NORITER_RUNNER_ID: runner,
        // A browser on a busy machine may need longer than by default to notice and come back.
        NORITER_RESUME_GRACE: "2 minutes"
      })
    browser = await launch()
    const both = await Promise.all([start("one"), start("two")])
    one = both[0]
    two = both[1]
  }, startMs)
  afterAll(async () => {
    await browser?.close()
    await Promise.all([one?.stop(), two?.stop()])
  }, startMs)

  it.skipIf(isMissing)("goes on at the other when its runner is killed", { timeout: patienceMs * 4 }, async () => {
    await using road = await Road.to(one.httpPort)
    const phone = phoneAt(two, "전화기")
    const wind = hear(phone, "appeared", ({ members }) => members.some(({ nickname }) => nickname === "바람"))
    await phone.enter({ playground: "park", avatar: "cat" })
    await using window = await Window.open(browser, road.url)
    await window.comeIn("바람")
    const member = (await wind).members.find(({ nickname }) => nickname === "바람")?.member
    await window.open("c")
    await window.page.locator("[role=tab]").nth(1).click()

    one.signal("SIGKILL")
    road.cut()
    await window.page.locator(".banner").waitFor()
    const text = await sayUntilTaken(phone)
    road.mend(two.httpPort)
    await window.page.locator(".banner").waitFor({ state: "hidden" })
    await window.page.locator(".line", { hasText: text }).waitFor()

    const heard = hear(phone, "said", ({ text }) => text === "저는 괜찮아요")
    await window.say("저는 괜찮아요", "all")
    assert.strictEqual((await heard).member, member, "the same one as before")
    assert.strictEqual(await window.page.locator(".line", { hasText: text }).count(), 1)
    assert.deepStrictEqual(window.complaints, [])
    phone.close()
  })
})

/** Until the log is read by who is left, the answer may be that nobody knows: then something else is said. */
async function sayUntilTaken(phone: Plaza): Promise<string> {
  for (let turn = 1; ; turn++) {
    const text = `하나가 죽었어요, ${turn}번째`
    try {
      await phone.say({ text, reach: "REACH_PLAYGROUND" })
      return text
    } catch (error) {
      if (!(error instanceof PlazaError) || error.definite) throw error
    }
  }
}
