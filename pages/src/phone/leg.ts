import type { RTCSession } from 'jssip/lib/RTCSession'
import { reactive } from 'vue'

/** A browser without a STUN server has all its addresses at once; one that never says so is not waited for. */
const GATHERING_MS = 300
const RETRY_MS = 500
const RETRIES = 20
const OFF = ['disconnected', 'failed', 'closed']

export interface PhoneCall {
  id: string
  /** What the telephone shows of the other side. */
  number: string
  name: string
  state: 'ringing' | 'answering' | 'talking'
  /** When it began to ring or to be talked in, in ms of this machine's clock. */
  since: number
  held: boolean
  muted: boolean
  /** False: nothing arrives from the other side although the call is there. */
  sound: boolean
}

/** One call at this telephone: the browser's side of it, until it is over. */
export class Leg {
  readonly view: PhoneCall
  private readonly player = new Audio()
  private over = false

  constructor(
    private readonly session: RTCSession,
    private readonly microphone: () => Promise<MediaStream>,
    speaker: string,
    private readonly ended: (leg: Leg) => void,
  ) {
    const other = session.remote_identity
    this.view = reactive({
      id: session.id,
      number: other.uri.user ?? '',
      name: other.display_name || '',
      state: 'ringing',
      since: Date.now(),
      held: false,
      muted: false,
      sound: true,
    })
    this.player.autoplay = true
    void this.playThrough(speaker)
    this.follow()
  }

  async answer(): Promise<void> {
    if (this.view.state !== 'ringing') return
    this.view.state = 'answering'
    try {
      const stream = await this.microphone()
      stream.getAudioTracks().forEach((track) => (track.enabled = true))
      if (!this.over) this.session.answer({ mediaStream: stream, pcConfig: { iceServers: [] } })
    } catch (error) {
      if (this.over) return
      this.view.state = 'ringing' // it can still be answered, or goes to the next agent
      throw error
    }
  }

  hangUp(): void {
    if (this.over) return
    try {
      if (this.view.state === 'ringing') this.session.terminate({ status_code: 486 })
      else this.session.terminate()
    } catch {
      this.finish()
    }
  }

  /** False: not now (another change is under way). */
  hold(): boolean {
    return this.session.hold()
  }

  resume(): boolean {
    return this.session.unhold()
  }

  mute(on: boolean): void {
    if (on) this.session.mute({ audio: true })
    else this.session.unmute({ audio: true })
  }

  digits(keys: string): void {
    this.session.sendDTMF(keys, { transportType: 'RFC2833' as never, duration: 120, interToneGap: 80 })
  }

  /**
   * The socket was cut and is there again. Asterisk learns where we are now, or says that the call has ended while
   * nobody could tell us; then the session ends by itself.
   */
  refresh(tries = RETRIES): void {
    if (this.over || !this.session.isEstablished()) return
    const iceRestart = OFF.includes(this.session.connection.iceConnectionState)
    const asked = this.session.renegotiate({ rtcOfferConstraints: { iceRestart } })
    if (!asked && tries > 0) setTimeout(() => this.refresh(tries - 1), RETRY_MS)
  }

  /** Lets go of the call without telling the other side, which waits to be taken up elsewhere. */
  abandon(): void {
    this.session.connection?.close()
    this.finish()
  }

  async speakInto(stream: MediaStream): Promise<void> {
    const track = stream.getAudioTracks()[0] ?? null
    if (track) track.enabled = !this.view.muted && !this.view.held
    const sender = this.session.connection?.getSenders().find((one) => one.track?.kind === 'audio')
    await sender?.replaceTrack(track)
  }

  async playThrough(speaker: string): Promise<void> {
    if ('setSinkId' in this.player) await this.player.setSinkId(speaker).catch(() => undefined)
  }

  private follow(): void {
    const { session, view } = this
    let hurry: ReturnType<typeof setTimeout> | undefined
    session.on('icecandidate', ({ ready }) => {
      clearTimeout(hurry)
      hurry = setTimeout(ready, GATHERING_MS)
    })
    // A call of our own has its connection already; one that comes in gets it when it is answered.
    if (session.connection) this.listenTo(session.connection)
    session.on('peerconnection', ({ peerconnection }) => this.listenTo(peerconnection))
    session.on('confirmed', () => {
      if (view.state === 'talking') return
      view.state = 'talking'
      view.since = Date.now()
    })
    session.on('hold', ({ originator }) => {
      if ((originator as string) === 'local') view.held = true
    })
    session.on('unhold', ({ originator }) => {
      if ((originator as string) === 'local') view.held = false
    })
    session.on('muted', () => (view.muted = true))
    session.on('unmuted', () => (view.muted = false))
    session.on('ended', () => this.finish())
    session.on('failed', () => this.finish())
  }

  private listenTo(connection: RTCPeerConnection): void {
    connection.addEventListener('track', ({ track, streams }) => {
      this.player.srcObject = streams[0] ?? new MediaStream([track])
      void this.player.play().catch(() => undefined)
    })
    connection.addEventListener('iceconnectionstatechange', () => {
      this.view.sound = !OFF.includes(connection.iceConnectionState)
    })
  }

  private finish(): void {
    if (this.over) return
    this.over = true
    this.player.srcObject = null
    this.ended(this)
  }
}
