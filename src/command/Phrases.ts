/** What bots are called and what they say, in Korean and English. Words only: when they speak is Bot.ts. */

export type Tongue = "ko" | "en"

const parts = {
  ko: {
    first: ["졸린", "느긋한", "용감한", "배고픈", "신난", "조용한", "반짝이는", "수줍은", "포근한", "엉뚱한"],
    second: ["고양이", "구름", "다람쥐", "바람", "참새", "수달", "단풍", "호빵", "고래", "토끼"]
  },
  en: {
    first: ["Sleepy", "Brave", "Mellow", "Sunny", "Quiet", "Hungry", "Lucky", "Shy", "Swift", "Cosy"],
    second: ["Fox", "Cloud", "Otter", "Wren", "Maple", "Whale", "Bunny", "Moss", "Crow", "Bear"]
  }
} as const

const lines = {
  ko: {
    greet: ["안녕하세요", "어서 와요", "반가워요", "안녕!", "오랜만이에요"],
    open: [
      "오늘 날씨 좋네요",
      "여기 자주 오세요?",
      "저쪽 나무 아래 시원해요",
      "누구 같이 걸을 사람?",
      "배고프다…",
      "분수대에서 만나요",
      "새로 오신 분 계세요?",
      "해 질 때까지 있을 거예요"
    ],
    reply: ["그러게요", "맞아요 ㅎㅎ", "저도요", "정말요?", "좋아요", "같이 가요", "ㅋㅋㅋ", "음, 잘 모르겠어요"]
  },
  en: {
    greet: ["hello", "hi there", "welcome!", "hey", "good to see you"],
    open: [
      "nice day, isn't it",
      "do you come here often?",
      "it's cool under the trees over there",
      "anyone up for a walk?",
      "I'm hungry…",
      "meet me at the fountain",
      "is anybody new here?",
      "I'll stay until sunset"
    ],
    reply: ["true", "haha yes", "me too", "really?", "sounds good", "let's go together", "lol", "hm, not sure"]
  }
} as const

export type Occasion = keyof (typeof lines)["ko"]

export const phrase = (tongue: Tongue, occasion: Occasion, random: () => number): string =>
  pick(lines[tongue][occasion], random)

/** At most 12 graphemes in either tongue. */
export const nickname = (tongue: Tongue, random: () => number): string => {
  const { first, second } = parts[tongue]
  return `${pick(first, random)} ${pick(second, random)}`
}

/** Bots answer in the tongue they were spoken to in. */
export const tongueOf = (text: string): Tongue => (/\p{Script=Hangul}/u.test(text) ? "ko" : "en")

// --- internal ---

const pick = (choices: ReadonlyArray<string>, random: () => number): string =>
  choices[Math.floor(random() * choices.length)] ?? ""
