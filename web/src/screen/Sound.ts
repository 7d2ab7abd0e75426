/** Small sounds, made here and off unless asked for. Owns the one audio context, begun by a press as browsers want. */

export type SoundName = "line" | "whisper" | "flower" | "emote"

const notes: Readonly<Record<SoundName, ReadonlyArray<number>>> = {
  line: [660],
  whisper: [784, 988],
  flower: [659, 784, 988],
  emote: [523]
}
const noteS = 0.09

export class Sound {
  isOn = false
  private context: AudioContext | undefined
  private lastMs = 0

  play(name: SoundName): void {
    const nowMs = performance.now()
    // In a crowd one note says as much as ten.
    if (!this.isOn || nowMs - this.lastMs < 150) return
    this.lastMs = nowMs
    this.context ??= new AudioContext()
    const { context } = this
    // The browser lets it sound when somebody presses something; notes of before would all sound then.
    if (context.state !== "running") {
      context.resume().catch(() => undefined)
      return
    }
    notes[name].forEach((pitch, index) => {
      const begin = context.currentTime + index * noteS
      const tone = context.createOscillator()
      const volume = context.createGain()
      tone.type = "sine"
      tone.frequency.value = pitch
      volume.gain.setValueAtTime(0, begin)
      volume.gain.linearRampToValueAtTime(0.06, begin + 0.012)
      volume.gain.exponentialRampToValueAtTime(0.0005, begin + noteS * 2.4)
      tone.connect(volume).connect(context.destination)
      tone.start(begin)
      tone.stop(begin + noteS * 2.5)
    })
  }
}
