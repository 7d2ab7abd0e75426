/**
 * The operators' page: reads what the server shows each second, makes rates of totals, and draws. Owns nothing of the
 * plaza. All text is set as text, so that a nickname or a playground's name is never markup.
 */

import uPlot from "/ops/uplot/uPlot.esm.js"

const historyLength = 120
const silentMs = 3_000
const againMs = 2_000

const byId = (id) => document.getElementById(id)
const token = {
  get: () => sessionStorage.getItem("noriter-ops-token"),
  set: (value) => sessionStorage.setItem("noriter-ops-token", value),
  forget: () => sessionStorage.removeItem("noriter-ops-token")
}

// --- Hearing ---

function say(text, isAlarm = false) {
  byId("state").textContent = text
  byId("state").classList.toggle("alarm", isAlarm)
}

/** One look, until the stream ends. Answers why it ended. */
async function look() {
  const response = await fetch("/ops/live", { headers: { authorization: `Bearer ${token.get()}` }, cache: "no-store" })
  if (response.status === 401) return "refused"
  if (!response.ok || response.body === null) return `the server says ${response.status}`
  byId("door").hidden = true
  byId("board").hidden = false
  let text = ""
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const events = (text + part.value).split("\n\n")
    text = events.pop() ?? ""
    const newest = events.at(-1)
    if (newest?.startsWith("data: ")) draw(JSON.parse(newest.slice("data: ".length)))
  }
  return "the server ended it"
}

/** Looks again whenever it ended, until the token is not taken. */
async function keepLooking() {
  while (token.get() !== null) {
    say("connecting")
    const why = await look().catch((cause) => String(cause))
    if (why === "refused") {
      token.forget()
      byId("door").hidden = false
      byId("board").hidden = true
      say("this token is not taken", true)
      return
    }
    say(`not connected: ${why}`, true)
    await new Promise((resolve) => setTimeout(resolve, againMs))
  }
}

// --- From totals to rates ---

/** What each process counted the time before, and its rates since. */
const before = new Map()
const rates = new Map()

/** Keeps the rates of a process until it has counted anew. */
function ratesOf({ incarnation, atMs, values }) {
  const last = before.get(incarnation)
  if (last === undefined || atMs > last.atMs) {
    before.set(incarnation, { atMs, values })
    if (last !== undefined) {
      const seconds = (atMs - last.atMs) / 1000
      const risen = Object.entries(values).map(([name, value]) => [name, (value - (last.values[name] ?? 0)) / seconds])
      rates.set(incarnation, Object.fromEntries(risen))
    }
  }
  return rates.get(incarnation) ?? {}
}

/** The sum of a figure over its labels. */
const sum = (values, name) =>
  Object.entries(values).reduce(
    (all, [key, value]) => (key === name || key.startsWith(`${name}{`) ? all + value : all),
    0
  )
const total = (list, read) => list.reduce((all, one) => all + read(one), 0)
const label = (name) => /"([^"]*)"/.exec(name)?.[1] ?? name

/** Milliseconds of one, on average, in the last second. */
function meanMs(rate, name) {
  const count = rate[`${name}_count`] ?? 0
  return count > 0 ? (1000 * (rate[`${name}_sum`] ?? 0)) / count : 0
}

// --- Drawing ---

const number = (value, digits = 0) =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })

function element(name, text, className = "") {
  const made = document.createElement(name)
  if (text !== undefined) made.textContent = text
  if (className !== "") made.className = className
  return made
}

function row(cells, className = "") {
  const made = element("tr", undefined, className)
  for (const cell of cells) {
    const isNumber = typeof cell === "number"
    made.append(element("td", isNumber ? number(cell) : cell, isNumber ? "n" : ""))
  }
  return made
}

const charts = new Map()
const chartHeight = 96
const clock = (_plot, seconds) =>
  seconds.map((second) => new Date(second * 1000).toLocaleTimeString("en", { hour12: false }))

/** An empty chart: from zero, over the last two minutes, in the colours of the page. */
function newChart(name) {
  const figure = element("figure")
  const caption = element("figcaption", name)
  const shown = element("b")
  const room = element("div")
  room.setAttribute("aria-hidden", "true")
  caption.append(shown)
  figure.append(caption, room)
  byId("charts").append(figure)
  const colourOf = (styled) => () => getComputedStyle(styled).color
  const axis = { stroke: colourOf(caption), ticks: { show: false }, grid: { stroke: "#7f7f7f33", width: 1 } }
  const plot = new uPlot(
    {
      width: room.clientWidth,
      height: chartHeight,
      legend: { show: false },
      cursor: { y: false },
      scales: { y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 1)] } },
      axes: [
        { ...axis, size: 26, space: 90, values: clock },
        { ...axis, size: 46, space: 24 }
      ],
      series: [{}, { stroke: colourOf(figure), width: 1.5, points: { show: false } }]
    },
    [[], []],
    room
  )
  new ResizeObserver(() => plot.setSize({ width: room.clientWidth, height: chartHeight })).observe(room)
  return { times: [], values: [], shown, plot }
}

function chart(name, value, digits = 0) {
  if (!charts.has(name)) charts.set(name, newChart(name))
  const { times, values, shown, plot } = charts.get(name)
  times.push(Date.now() / 1000)
  values.push(value)
  for (const kept of [times, values]) if (kept.length > historyLength) kept.shift()
  plot.setData([times, values])
  shown.textContent = number(value, digits)
}

function drawNow(facts) {
  const items = facts.map(([name, value, isAlarm]) => {
    const item = element("div")
    const shown = value === undefined ? "not known" : number(value)
    item.append(element("dt", name), element("dd", shown, isAlarm ? "alarm" : ""))
    return item
  })
  byId("now").replaceChildren(...items)
}

function drawPlaces(playgrounds) {
  const rows = playgrounds.flatMap(({ id, name, capacity, channels }) =>
    channels.map(({ channel, population }) => row([`${name} (${id})`, `${channel}`, population, capacity]))
  )
  byId("places").replaceChildren(...rows)
}

/** Keeps what is chosen while the choices change. */
function choices(id, values) {
  const select = byId(id)
  const known = [...select.options].map(({ value }) => value)
  if (known.join() === values.map(([value]) => value).join()) return
  const chosen = select.value
  select.replaceChildren(...values.map(([value, text]) => new Option(text, value, false, value === chosen)))
}

function drawRunners(living, processes) {
  const known = new Map(processes.map((each) => [each.incarnation, each]))
  const silent = living.filter(({ incarnation }) => !known.has(incarnation))
  const nameOf = new Map(living.map(({ incarnation, runner }) => [incarnation, runner]))
  const rows = processes.map(({ incarnation, values, rate, ageMs }) => {
    const cells = [nameOf.get(incarnation) ?? "not in the roster", incarnation]
    const figures = [
      number(values['noriter_sockets_open{transport="tcp"}'] ?? 0),
      number(values['noriter_sockets_open{transport="websocket"}'] ?? 0),
      number(sum(rate, "noriter_lines_in_total")),
      number(sum(rate, "noriter_socket_writes_total")),
      number(meanMs(rate, "noriter_tick_duration_seconds"), 1),
      number(meanMs(rate, "noriter_commit_duration_seconds"), 1),
      number(rate.noriter_cpu_seconds_total ?? 0, 2),
      number((values.noriter_resident_bytes ?? 0) / 1e6),
      number(ageMs / 1000, 1)
    ]
    const made = row(cells, ageMs > silentMs ? "silent" : "")
    made.append(...figures.map((text) => element("td", text, "n")))
    return made
  })
  const others = silent.map(({ incarnation, runner }) => row([runner, incarnation], "silent"))
  byId("runners").replaceChildren(...rows, ...others)
}

function drawRefusals(processes) {
  const codes = new Map()
  for (const { values, rate } of processes) {
    for (const [name, value] of Object.entries(values)) {
      if (!/^noriter_(refused|disconnects)_total\{/.test(name) || value === 0) continue
      const known = codes.get(label(name)) ?? { rate: 0, total: 0 }
      codes.set(label(name), { rate: known.rate + (rate[name] ?? 0), total: known.total + value })
    }
  }
  const sorted = [...codes].sort(([, a], [, b]) => b.rate - a.rate || b.total - a.total)
  const rows = sorted.map(([code, known]) => {
    const made = row([code])
    made.append(element("td", number(known.rate, 1), "n"), element("td", number(known.total), "n"))
    return made
  })
  byId("refusals").replaceChildren(...(rows.length > 0 ? rows : [row(["nothing yet"])]))
}

function draw({ atMs, playgrounds, living, figures, missing }) {
  const processes = figures.map((each) => ({ ...each, rate: ratesOf(each) }))
  const all = (name) => total(processes, ({ values }) => sum(values, name))
  const rate = (name) => total(processes, (each) => sum(each.rate, name))
  const worst = (read) => Math.max(0, ...processes.map(read))
  const watchers = living.filter(({ runner }) => runner.startsWith("watcher_")).length
  const people = total(playgrounds, ({ channels }) => total(channels, ({ population }) => population))
  // Watchers count them; where none is heard nobody knows.
  const looks = processes.some(({ values }) => 'noriter_defects{kind="ghost"}' in values)
  const ghosts = looks ? worst(({ values }) => values['noriter_defects{kind="ghost"}'] ?? 0) : undefined
  const lag = worst(({ values }) =>
    Math.max(0, ...Object.entries(values).map(([name, value]) => (name.startsWith("noriter_topic_lag") ? value : 0)))
  )
  if (missing.length === 0) say(`live, ${new Date(atMs).toLocaleTimeString()}`)
  else say(`not to be read just now: ${missing.join(", ")}`, true)
  drawNow([
    ["People", people],
    ["Channels", total(playgrounds, ({ channels }) => channels.length)],
    ["Phones by TCP", all('noriter_sockets_open{transport="tcp"}')],
    ["Phones by WebSocket", all('noriter_sockets_open{transport="websocket"}')],
    ["Runners", living.length - watchers],
    ["Watchers", watchers],
    ["Ghosts", ghosts, ghosts > 0],
    ["Dead letters", all("noriter_dead_letters_total"), all("noriter_dead_letters_total") > 0]
  ])
  chart("People", people)
  chart("Lines from phones, a second", rate("noriter_lines_in_total"))
  chart("Writes to phones, a second", rate("noriter_socket_writes_total"))
  chart("kB to phones, a second", rate("noriter_bytes_out_total") / 1000)
  chart("Waits for phones, kB", all("noriter_outbox_bytes") / 1000)
  chart(
    "Slowest tick, ms",
    worst((each) => meanMs(each.rate, "noriter_tick_duration_seconds")),
    1
  )
  chart(
    "Slowest commit, ms",
    worst((each) => meanMs(each.rate, "noriter_commit_duration_seconds")),
    1
  )
  chart("Log behind, ms", lag * 1000)
  chart(
    "Frames behind, ms",
    worst(({ lagMs }) => lagMs)
  )
  chart("Refused, a second", rate("noriter_refused_total"), 1)
  chart(
    "Busiest runner, cores",
    worst((each) => each.rate.noriter_cpu_seconds_total ?? 0),
    2
  )
  drawPlaces(playgrounds)
  choices(
    "playground",
    playgrounds.map(({ id, name }) => [id, `${name} (${id})`])
  )
  choices(
    "channel",
    playgrounds.flatMap(({ id, name, channels }) =>
      channels.map(({ channel }) => [`${id}/${channel}`, `${name} (${id}/${channel})`])
    )
  )
  drawRunners(living, processes)
  drawRefusals(processes)
}

// --- Orders ---

/** Asks for something; what it could not do is said. */
async function ask(path, order) {
  const body = order === undefined ? {} : { method: "POST", body: JSON.stringify(order) }
  const response = await fetch(path, { ...body, headers: { authorization: `Bearer ${token.get()}` } })
  const answer = await response.json().catch(() => ({}))
  if (!response.ok) throw new Error(answer.message ?? `the server says ${response.status}`)
  return answer
}

async function ordering(order) {
  byId("ordered").textContent = await order().catch((cause) => `Not done: ${cause.message}`)
}

byId("announce").addEventListener("submit", (event) => {
  event.preventDefault()
  ordering(async () => {
    const { channels } = await ask("/ops/announce", { playground: byId("playground").value, text: byId("text").value })
    byId("text").value = ""
    return `Announced in ${channels} channel${channels === 1 ? "" : "s"}.`
  })
})

const foundMax = 50

/** A member found, with the way to remove it: asked twice, because it cannot be undone. */
function foundItem(channel, { member, nickname, seen }) {
  const item = element("li")
  const button = element("button", "Remove")
  button.type = "button"
  button.addEventListener("click", () => {
    if (!confirm(`Remove ${nickname} (${member}) from ${channel}?`)) return
    ordering(async () => {
      await ask("/ops/remove", { channel, member, seen })
      item.remove()
      return `${nickname} (${member}) is asked to go.`
    })
  })
  item.append(button, element("span", `${nickname} (${member})`))
  return item
}

byId("find").addEventListener("submit", (event) => {
  event.preventDefault()
  ordering(async () => {
    const channel = byId("channel").value
    const name = byId("name").value.trim()
    const members = await ask(`/ops/members?channel=${encodeURIComponent(channel)}`)
    const found = members.filter(({ member, nickname }) => `${member}` === name || nickname.includes(name))
    byId("found").replaceChildren(...found.slice(0, foundMax).map((each) => foundItem(channel, each)))
    return found.length > foundMax ? `${found.length} found; these are ${foundMax} of them.` : `${found.length} found.`
  })
})

byId("door").addEventListener("submit", (event) => {
  event.preventDefault()
  token.set(byId("token").value)
  byId("token").value = ""
  keepLooking()
})
keepLooking()
