/** The page in a real browser, over a real server: people meet, walk, talk, and stay through what befalls the network. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import { until } from "../e2e/Guest.ts"
import { Server } from "../e2e/Server.ts"
import { isMissing, launch, patienceMs, Window } from "./Browser.ts"
import { hear, phoneAt } from "./Company.ts"
import { Road } from "./Road.ts"
import { Touch } from "./Touch.ts"

const secret = { NORITER_SECRET: "a secret that outlives a restart of the server" }

describe.skipIf(isMissing)("the page", { timeout: patienceMs * 3 }, () => {
  let browser: Browser
  /** For whom it is enough that it is a server; its phones may jump. */
  let server: Server
  beforeAll(async () => {
    browser = await launch()
    server = await Server.start({ NORITER_RESUME_GRACE: "2 minutes", NORITER_SPEED_CMPS_MAX: "0" })
  }, patienceMs)
  afterAll(async () => {
    await browser.close()
    await server.stop()
  })

  it("lets two pages and a phone by TCP meet, walk, talk, whisper and give", async () => {
    await using server = await Server.start()
    const url = `http://127.0.0.1:${server.httpPort}/`
    const phone = phoneAt(server, "전화기")
    const wind = hear(phone, "appeared", ({ members }) => members.some(({ nickname }) => nickname === "바람"))
    await phone.enter({ playground: "park", avatar: "cat" })

    await using wide = await Window.open(browser, url, { width: 560, height: 420 })
    await wide.comeIn("바람")
    const member = (await wind).members.find(({ nickname }) => nickname === "바람")?.member ?? 0
    await using tall = await Window.open(browser, url, { width: 320, height: 480, locale: "en-US", isPhone: true })
    await tall.comeIn("Cloud")

    await wide.open("p")
    await wide.page.locator(".person-row", { hasText: "Cloud" }).waitFor()
    await wide.page.locator(".person-row", { hasText: "전화기" }).waitFor()

    const walked = hear(phone, "moved", (moved) => moved.member.includes(member))
    await wide.page.locator(".stage").focus()
    await wide.page.keyboard.down("d")
    await walked
    await wide.page.keyboard.up("d")

    await tall.page.locator(".bar > .round").first().click()
    await tall.page.locator("[role=tab]").nth(1).click()
    await wide.say("모두 안녕하세요", "all")
    await tall.page.locator(".line", { hasText: "모두 안녕하세요" }).waitFor()
    const heard = hear(phone, "said", ({ text }) => text === "Hi, everybody")
    await tall.say("Hi, everybody")
    assert.strictEqual((await heard).reach, "REACH_PLAYGROUND")

    const whispered = hear(phone, "whispered", ({ text }) => text === "우리끼리 얘기")
    const given = hear(phone, "given", ({ count }) => count === 1)
    await wide.open("p")
    await wide.page.locator(".person-row", { hasText: "전화기" }).click()
    await wide.page.getByRole("button", { name: "귓속말" }).last().click()
    await wide.say("우리끼리 얘기")
    assert.strictEqual((await whispered).member, member)
    await phone.whisper({ member, text: "들었어요" })
    await wide.page.locator(".notice", { hasText: "들었어요" }).waitFor()

    await wide.open("p")
    await wide.page.locator(".person-row", { hasText: "전화기" }).click()
    await wide.page.getByRole("button", { name: "데이지" }).click()
    assert.strictEqual((await given).nickname, "바람")
    assert.deepStrictEqual([...wide.complaints, ...tall.complaints], [])
    phone.close()
  })

  // What follows waits more than it does, up to ten seconds for a server that is full: they wait together.
  it.concurrent("goes on where the network was cut, and hears what was said meanwhile", async () => {
    await using road = await Road.to(server.httpPort)
    const phone = phoneAt(server, "전화기")
    await phone.enter({ playground: "park", avatar: "cat" })
    await using window = await Window.open(browser, road.url)
    await window.comeIn("바람")
    await window.open("c")
    await window.page.locator("[role=tab]").nth(1).click()
    road.cut()
    await window.page.locator(".banner").waitFor()
    await phone.say({ text: "없는 사이에 한 말", reach: "REACH_PLAYGROUND" })
    road.mend()
    await window.page.locator(".line", { hasText: "없는 사이에 한 말" }).waitFor()
    await window.page.locator(".banner").waitFor({ state: "hidden" })
    const heard = hear(phone, "said", ({ text }) => text === "돌아왔어요")
    await window.say("돌아왔어요", "all")
    await heard
    assert.deepStrictEqual(window.complaints, [])
    phone.close()
  })

  it.concurrent("goes on when the server was started anew", async () => {
    const first = await Server.start(secret)
    await using road = await Road.to(first.httpPort)
    await using window = await Window.open(browser, road.url)
    await window.comeIn("바람")
    await first.stop()
    road.cut()
    await window.page.locator(".banner").waitFor()
    await using second = await Server.start(secret)
    const phone = phoneAt(second, "전화기")
    await phone.enter({ playground: "park", avatar: "cat" })
    road.mend(second.httpPort)
    await window.page.locator(".banner").waitFor({ state: "hidden" })
    const heard = hear(phone, "said", ({ text }) => text === "다시 왔어요")
    await window.say("다시 왔어요", "all")
    assert.strictEqual((await heard).nickname, "바람")
    assert.deepStrictEqual(window.complaints, [])
    phone.close()
  })

  it.concurrent("says that the server asks to come back later, and does", async () => {
    await using server = await Server.start({ NORITER_SOCKETS_MAX: "1" })
    const phone = phoneAt(server, "전화기")
    await phone.enter({ playground: "park", avatar: "cat" })
    await using window = await Window.open(browser, `http://127.0.0.1:${server.httpPort}/`)
    await window.page.locator("#nickname").fill("바람")
    await window.page.keyboard.press("Enter")
    await window.page.locator(".banner", { hasText: /잠시 뒤에 다시 오래요/ }).waitFor()
    phone.close()
    await window.page.locator(".bar").waitFor()
    await window.page.locator(".banner").waitFor({ state: "hidden" })
    assert.deepStrictEqual(window.complaints, [])
  })

  it.concurrent("asks for another name where the server refuses one, and nothing of the first try is left", async () => {
    await using window = await Window.open(browser, `http://127.0.0.1:${server.httpPort}/`)
    // Three that are seen, and too many bytes.
    await window.page.locator("#nickname").fill("👨‍👩‍👧‍👦".repeat(3))
    await window.page.keyboard.press("Enter")
    await window.page.locator("#join-fault", { hasText: /./ }).waitFor()
    await window.comeIn("바람")
    await window.open("m")
    // Hands of the first try would reach for the same key, ask its plaza, which is closed, and say so.
    assert.strictEqual(await window.page.locator(".notice").count(), 0)
    assert.deepStrictEqual(window.complaints, [])
  })

  it.concurrent("comes in once where the session is over while it waits to try again", async () => {
    const phone = phoneAt(server, "전화기")
    await phone.enter({ playground: "park", avatar: "cat" })
    await using window = await Window.open(browser, `http://127.0.0.1:${server.httpPort}/`)
    const entered: Array<string> = []
    const refused = Promise.withResolvers<void>()
    await window.page.routeWebSocket(/\/ws$/, (near) => {
      const far = near.connectToServer()
      const refuse = (line: string, code: string) =>
        near.send(
          JSON.stringify({ re: Number(/"id":(\d+)/.exec(line)?.[1]), error: { code, message: "in this test" } })
        )
      near.onMessage((message) => {
        const line = `${message}`
        if (line.includes('"resume"')) return refuse(line, "ERROR_CODE_SESSION_ENDED")
        if (!line.includes('"enter"')) return far.send(message)
        entered.push(line)
        if (entered.length > 1) return far.send(message)
        refuse(line, "ERROR_CODE_UNAVAILABLE")
        refused.resolve()
        return near.close()
      })
    })
    await window.page.locator("#nickname").fill("바람")
    await window.page.keyboard.press("Enter")
    await refused.promise
    // Set after the page's own, it is over after it.
    await window.page.evaluate("new Promise((over) => setTimeout(over, 2000))")
    await window.page.locator(".bar").waitFor()
    // Whoever would come in once more has looked where to before this is heard.
    const heard = hear(phone, "said", ({ text }) => text === "다 왔어요")
    await window.say("다 왔어요", "all")
    await heard
    assert.lengthOf(entered, 2, "the first was refused")
    assert.deepStrictEqual(window.complaints, [])
    phone.close()
  })

  it.concurrent("is told of moves again where it is looked at again while it has no socket", async () => {
    await using window = await Window.open(browser, `http://127.0.0.1:${server.httpPort}/`)
    const said: Array<string> = []
    const hasSaid = (what: string) => until(what, () => said.some((line) => line.includes(what)), Boolean, patienceMs)
    const looked = Promise.withResolvers<void>()
    let cut = () => {}
    await window.page.routeWebSocket(/\/ws$/, (near) => {
      const far = near.connectToServer()
      cut = () => void near.close()
      near.onMessage(async (message) => {
        said.push(`${message}`)
        if (said.at(-1)?.includes('"resume"')) await looked.promise
        far.send(message)
      })
    })
    const look = (isHidden: boolean) =>
      window.page.evaluate(
        `Object.defineProperty(document, "hidden", { value: ${isHidden}, configurable: true })
        document.dispatchEvent(new Event("visibilitychange"))`
      )
    await window.comeIn("바람")
    await look(true)
    await hasSaid("PACE_LINES")
    cut()
    await hasSaid('"resume"')
    await look(false)
    looked.resolve()
    await hasSaid("PACE_FULL")
    assert.deepStrictEqual(window.complaints, [])
  })

  it.concurrent("says when another device took over, and comes back when asked", async () => {
    const url = `http://127.0.0.1:${server.httpPort}/`
    const kept = { deviceSecret: "the-same-secret-on-two-devices" }
    await using one = await Window.open(browser, url, { width: 320, height: 480, kept })
    await one.comeIn("바람")
    await using other = await Window.open(browser, url, { width: 320, height: 480, kept })
    await other.comeIn("바람")
    await one.page.locator("dialog button").click()
    await other.page.locator("dialog[open]").waitFor()
    await one.page.locator(".bar").waitFor()
    assert.deepStrictEqual([...one.complaints, ...other.complaints], [])
  })

  it("is seen from farther away by two fingers, and walked by a thumb", async ({ task }) => {
    const phone = phoneAt(server, "전화기")
    // Another name than any before, also when it is tried again: those who left without a word stand there for a while.
    const name = `엄지${task.result?.retryCount ?? 0}`
    const wind = hear(phone, "appeared", ({ members }) => members.some(({ nickname }) => nickname === name))
    await phone.enter({ playground: "park", avatar: "cat" })
    const url = `http://127.0.0.1:${server.httpPort}/`
    const device = { width: 360, height: 640, isPhone: true, kept: { lessMotion: true } }
    await using window = await Window.open(browser, url, device)
    await window.comeIn(name)
    const self = (await wind).members.find(({ nickname }) => nickname === name)
    if (self === undefined) throw new Error("heard without itself")

    // Ten metres up are beyond the screen, until one looks from as far away as it goes.
    phone.move({ xCm: self.xCm, yCm: self.yCm - 1000 })
    const row = window.page.locator(".person-row", { hasText: "10 m" })
    for (let isThere = false; !isThere; isThere = await row.isVisible()) await window.open("p")
    await window.page.keyboard.press("Escape")
    const touch = await Touch.on(window)
    await touch.put([80, 320], [280, 320])
    await touch.move([160, 320], [200, 320])
    await touch.lift()
    await window.drawn()
    await touch.tap([180, 100])
    await window.page.locator(".sheet", { hasText: "전화기" }).locator(".card").waitFor()
    await window.page.keyboard.press("Escape")

    const pushed = hear(phone, "moved", (moved) => moved.member.includes(self.member))
    await touch.put([180, 400])
    await touch.move([130, 400])
    await pushed
    await window.page.locator(".stick").waitFor()
    await touch.lift()
    await window.page.locator(".stick").waitFor({ state: "hidden" })
    assert.deepStrictEqual(window.complaints, [])
    phone.close()
  })
})
