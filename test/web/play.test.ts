/** The page in a real browser, over a real server: people meet, walk, talk, and stay through what befalls the network. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import { connect, type Plaza } from "../../sdk/typescript/src/Plaza.ts"
import { tcp } from "../../sdk/typescript/src/Tcp.ts"
import { Server } from "../e2e/Server.ts"
import { isMissing, launch, patienceMs, Window } from "./Browser.ts"
import { Road } from "./Road.ts"

const secret = { NORITER_SECRET: "a secret that outlives a restart of the server" }

/** Ends with the first event that is meant; rejects when it takes too long. */
function hear<K extends "said" | "whispered" | "moved" | "appeared" | "given">(
  plaza: Plaza,
  key: K,
  isMeant: (event: Parameters<Parameters<typeof plaza.on<K>>[1]>[0]) => boolean
): Promise<Parameters<Parameters<typeof plaza.on<K>>[1]>[0]> {
  const { promise, resolve, reject } = Promise.withResolvers<Parameters<Parameters<typeof plaza.on<K>>[1]>[0]>()
  // Whoever awaits it hears of it; a test that failed before does not.
  promise.catch(() => undefined)
  const late = setTimeout(() => reject(new Error(`never heard ${key}`)), patienceMs)
  const stop = plaza.on(key, (event) => {
    if (!isMeant(event)) return
    clearTimeout(late)
    stop()
    resolve(event)
  })
  return promise
}

describe.skipIf(isMissing)("the page", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch()
  }, patienceMs)
  afterAll(() => browser.close())

  const phoneAt = (server: Server, nickname: string): Plaza =>
    connect({ transport: tcp({ host: "127.0.0.1", port: server.tcpPort }), nickname })

  it("lets two pages and a phone by TCP meet, walk, talk, whisper and give", { timeout: patienceMs * 3 }, async () => {
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

  it("goes on where the network was cut, and hears what was said meanwhile", { timeout: patienceMs * 3 }, async () => {
    await using server = await Server.start({ NORITER_RESUME_GRACE: "2 minutes" })
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

  it("goes on when the server was started anew", { timeout: patienceMs * 3 }, async () => {
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

  it("says when another device took over, and comes back when asked", { timeout: patienceMs * 3 }, async () => {
    await using server = await Server.start()
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
})
