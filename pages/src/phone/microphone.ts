import { openMicrophone } from './devices'

/**
 * The one microphone of the page's telephone, open while somebody sits there and silent between calls (docs/agent-desk.md).
 * However many ask for it at once, and however often another is chosen, one is open at a time, and none after `close`:
 * the browser shows that a page records for as long as any of its streams is left open.
 */
export class Microphone {
  private stream: MediaStream | null = null
  private opening: Promise<MediaStream> | null = null
  /** Which opening is meant; what comes late of one before is closed at once. */
  private turn = 0

  /** `lost`: it was unplugged, or the permission was taken back. */
  constructor(private readonly lost: () => void) {}

  get works(): boolean {
    return this.stream?.getAudioTracks().some((track) => track.readyState === 'live') ?? false
  }

  /** Throws NoMicrophone. */
  open(): Promise<MediaStream> {
    if (this.stream !== null && this.works) return Promise.resolve(this.stream)
    return (this.opening ??= this.begin())
  }

  /** The one that is chosen now, instead of the one before. null: none is open. Throws NoMicrophone. */
  async change(): Promise<MediaStream | null> {
    if (this.stream === null && this.opening === null) return null
    return (this.opening = this.begin())
  }

  silence(): void {
    this.stream?.getAudioTracks().forEach((track) => (track.enabled = false))
  }

  close(): void {
    this.turn++
    this.opening = null
    stop(this.stream)
    this.stream = null
  }

  private async begin(): Promise<MediaStream> {
    const mine = ++this.turn
    try {
      const stream = await openMicrophone()
      if (mine !== this.turn) {
        stop(stream)
        if (this.opening === null) throw new Error('nobody sits here any more')
        return await this.opening
      }
      stop(this.stream)
      this.stream = stream
      stream.getAudioTracks().forEach((track) => {
        track.enabled = false
        track.addEventListener('ended', () => this.stream === stream && this.lost())
      })
      return stream
    } finally {
      if (mine === this.turn) this.opening = null
    }
  }
}

function stop(stream: MediaStream | null): void {
  stream?.getTracks().forEach((track) => track.stop())
}
