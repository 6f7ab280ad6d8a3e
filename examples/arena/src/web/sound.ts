import type { ArenaEvent, ArenaView } from './view/arena-view.ts'
import { recall, remember } from './storage.ts'

interface Tone {
  readonly from: number
  readonly to: number
  readonly lengthMs: number
  readonly volume: number
  readonly wave: OscillatorType
}

const tones = {
  shot: { from: 760, to: 240, lengthMs: 90, volume: 0.05, wave: 'square' },
  hit: { from: 220, to: 120, lengthMs: 120, volume: 0.12, wave: 'triangle' },
  hurt: { from: 160, to: 60, lengthMs: 200, volume: 0.2, wave: 'sawtooth' },
  kill: { from: 420, to: 40, lengthMs: 420, volume: 0.16, wave: 'sawtooth' },
  blast: { from: 120, to: 28, lengthMs: 520, volume: 0.25, wave: 'square' },
  pickup: { from: 520, to: 1040, lengthMs: 180, volume: 0.1, wave: 'sine' },
  round: { from: 330, to: 660, lengthMs: 480, volume: 0.12, wave: 'triangle' },
} as const satisfies Record<string, Tone>

/** Most tones that sound at once. */
const MAX_VOICES = 12

/** Sounds made by oscillators. Off until the player switches them on; the choice is remembered. */
export class Sound {
  #context: AudioContext | null = null
  #isOn = recall('sound') === 'on'
  #voices = 0
  #lastShots = new Set<string>()

  get isOn(): boolean {
    return this.#isOn
  }

  /** Switches the sound on. It must be called from a click or a key, for browsers allow sound only then. */
  toggle(): boolean {
    this.#isOn = !this.#isOn
    remember('sound', this.#isOn ? 'on' : 'off')
    if (this.#isOn) this.#play(tones.pickup)
    return this.#isOn
  }

  /** Plays the sounds of a frame's events. */
  frame(view: ArenaView, events: readonly ArenaEvent[]): void {
    if (!this.#isOn) return
    const shots = new Set(view.shots.map((shot) => shot.id))
    if (view.shots.some((shot) => !this.#lastShots.has(shot.id))) this.#play(tones.shot)
    this.#lastShots = shots
    for (const event of events) {
      if (event.type === 'hit') this.#play(event.data.whom === view.selfId ? tones.hurt : tones.hit)
      else if (event.type === 'kill') this.#play(tones.kill)
      else if (event.type === 'blast') this.#play(tones.blast)
      else if (event.type === 'pickup') this.#play(tones.pickup)
      else if (event.type === 'roundStart' || event.type === 'roundOver') this.#play(tones.round)
    }
  }

  #play(tone: Tone): void {
    if (this.#voices >= MAX_VOICES) return
    const context = (this.#context ??= new AudioContext())
    if (context.state === 'suspended') void context.resume()
    const start = context.currentTime
    const end = start + tone.lengthMs / 1000
    const oscillator = context.createOscillator()
    const volume = context.createGain()
    oscillator.type = tone.wave
    oscillator.frequency.setValueAtTime(tone.from, start)
    oscillator.frequency.exponentialRampToValueAtTime(tone.to, end)
    volume.gain.setValueAtTime(tone.volume, start)
    volume.gain.exponentialRampToValueAtTime(0.0005, end)
    oscillator.connect(volume).connect(context.destination)
    this.#voices += 1
    oscillator.addEventListener('ended', () => {
      this.#voices -= 1
    })
    oscillator.start(start)
    oscillator.stop(end)
  }
}
