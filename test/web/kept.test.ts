/** What a page keeps through what befalls the network, and what it must forget where one stands elsewhere. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import { Server } from "../e2e/Server.ts"
import { isMissing, launch, patienceMs, Window } from "./Browser.ts"
import { hear, phoneAt } from "./Company.ts"
import { Road } from "./Road.ts"

describe.skipIf(isMissing)("a page", { timeout: patienceMs * 2 }, () => {
  let browser: Browser
  let server: Server
  beforeAll(async () => {
    browser = await launch()
    const unlimited = { NORITER_RATE_LIMITS: "off", NORITER_CHANNEL_LINES_PER_SECOND: "0" }
    server = await Server.start({ NORITER_RESUME_GRACE: "2 minutes", ...unlimited })
  }, patienceMs)
  afterAll(async () => {
    await browser.close()
    await server.stop()
  })

  /** A page in whose bar something is written for the ears of a phone alone. */
  const whispering = async (name: string, text: string) => {
    const phone = phoneAt(server, name)
    await phone.enter({ playground: "park", avatar: "cat" })
    const road = await Road.to(server.httpPort)
    const window = await Window.open(browser, road.url)
    await window.comeIn("바람")
    await window.open("p")
    await window.page.locator(".person-row", { hasText: name }).last().click()
    await window.page.getByRole("button", { name: "귓속말" }).last().click()
    await window.page.locator(".say input").fill(text)
    const dispose = async () => {
      await window[Symbol.asyncDispose]()
      await road[Symbol.asyncDispose]()
      phone.close()
    }
    return { phone, road, window, input: window.page.locator(".say input"), [Symbol.asyncDispose]: dispose }
  }

  it.concurrent("says what was written to somebody to them alone, also when it was cut off meanwhile", async () => {
    await using scene = await whispering("구름", "우리만 아는 비밀")
    const { phone, road, window, input } = scene
    road.cut()
    await window.page.locator(".banner").waitFor()
    road.mend()
    await window.page.locator(".banner").waitFor({ state: "hidden" })
    assert.strictEqual(await window.page.locator(".say select").inputValue(), "whisper")
    const whispered = hear(phone, "whispered", () => true)
    await input.press("Enter")
    assert.strictEqual((await whispered).text, "우리만 아는 비밀")
    assert.deepStrictEqual(window.complaints, [])
  })

  it.concurrent("in another place has every line once, and nobody whom it knew by a number", async () => {
    await using scene = await whispering("바위", "우리만 아는 비밀")
    const { phone, window, input } = scene
    const hello = `모두 안녕 ${Date.now()}`
    await phone.say({ text: hello, reach: "REACH_PLAYGROUND" })
    await window.open("c")
    await window.page.locator("[role=tab]").nth(1).click()
    const lines = window.page.locator(".line", { hasText: hello })
    await lines.first().waitFor()
    await window.page.locator(".say select").selectOption("whisper")
    // Whoever changes looks comes in anew, under another number.
    const seen = hear(phone, "appeared", ({ members }) => members.some(({ avatar }) => avatar === "frog"))
    await window.page.keyboard.press("Escape")
    await window.page.getByRole("button", { name: "설정" }).click()
    await window.page.locator("input[type=radio][value=frog]").check({ force: true })
    await seen
    await window.open("c")
    await window.page.locator(".line.history", { hasText: hello }).waitFor()
    assert.strictEqual(await lines.count(), 1)

    assert.strictEqual(await input.inputValue(), "우리만 아는 비밀")
    const heard: Array<string> = []
    phone.on("said", ({ text, nickname }) => {
      if (nickname === "바람") heard.push(text)
    })
    await window.page.locator(".say select").selectOption("whisper")
    await input.press("Enter")
    await window.page.locator(".notice", { hasText: "이제 여기 없어요" }).waitFor()
    const last = hear(phone, "said", ({ text }) => text === "이건 모두에게")
    await window.say("이건 모두에게", "all")
    await last
    assert.deepStrictEqual(heard, ["이건 모두에게"])
    assert.deepStrictEqual(window.complaints, [])
  })

  it.concurrent("keeps a line that is too long, a name in focus while others talk, and the last line in sight", async () => {
    await using scene = await whispering("나무", "가".repeat(201))
    const { phone, window, input } = scene
    await input.press("Enter")
    await window.page.locator(".notice", { hasText: "200자" }).waitFor()
    assert.lengthOf(await input.inputValue(), 201)
    // Fewer than two hundred, and more than a kilobyte.
    const families = "👨‍👩‍👧‍👦".repeat(45)
    await input.fill(families)
    await input.press("Enter")
    assert.strictEqual(await input.inputValue(), families)
    const refused = window.page.locator(".notice", { hasText: "말이 전해지지 않았어요" })
    // Written in parts, as some keyboards do, it would be more than that.
    const composed = "각".repeat(150)
    const heard = hear(phone, "said", ({ text }) => text === composed)
    await window.say(composed.normalize("NFD"), "all")
    await heard
    // The server was not asked what it would have refused.
    assert.strictEqual(await refused.count(), 0)

    for (let at = 0; at < 30; at++) await phone.say({ text: `줄 ${at}`, reach: "REACH_PLAYGROUND" })
    await phone.say({ text: "하나", reach: "REACH_PLAYGROUND" })
    await window.open("c")
    await window.page.locator("[role=tab]").nth(1).click()
    await window.page.locator(".line", { hasText: "하나" }).last().waitFor()
    await window.page.keyboard.press("Escape")
    await window.open("c")
    const log = `document.querySelector("#chat-log")`
    const belowPx = () => window.page.evaluate(`${log}.scrollHeight - ${log}.scrollTop - ${log}.clientHeight`)
    assert.isAtMost(Number(await belowPx()), 1)
    await window.page.locator(".line", { hasText: "하나" }).last().locator(".name").focus()
    await phone.say({ text: "둘", reach: "REACH_PLAYGROUND" })
    await window.page.locator(".line", { hasText: "둘" }).last().waitFor()
    assert.strictEqual(await window.page.evaluate("document.activeElement.textContent"), "나무")
    assert.isAtMost(Number(await belowPx()), 1)
    assert.deepStrictEqual(window.complaints, [])
  })
})
