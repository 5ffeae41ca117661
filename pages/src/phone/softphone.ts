import type { Socket } from 'jssip/lib/Socket'
import type { UA } from 'jssip/lib/UA'
import { reactive, readonly, watch } from 'vue'

import { chosen, NoMicrophone, type MicrophoneTrouble } from './devices'
import { Leg, type PhoneCall } from './leg'
import { Microphone } from './microphone'
import { wantLock } from './one_tab'
import { canRing, ringThrough, startRinging, stopRinging } from './ringer'
import { forgetCall, lastCall, rememberCall } from './remembered'
import { type Account, userAgent } from './sip'

export type { PhoneCall } from './leg'

/**
 * `off` nobody sits here; `elsewhere` another tab has the telephone; `starting`; `registered`; `lost` the connection is
 * cut and is tried anew; `refused` the password is another one now; otherwise what the microphone wants.
 */
export type Registration = 'off' | 'elsewhere' | 'starting' | 'registered' | 'lost' | 'refused' | MicrophoneTrouble

const AGAIN_MS = 3000
const AFTER_TRANSFER_MS = 3000

/** The telephone in this page. There is one, whichever view is shown. */
class Softphone {
  readonly state = reactive({ registration: 'off' as Registration, call: null as PhoneCall | null, ringable: true })
  private account: Account | null = null
  private agent: UA | null = null
  private socket: Socket | null = null
  private leg: Leg | null = null
  private readonly microphone = new Microphone(() => void this.changeMicrophone())
  /** How often it was closed: what was begun before and comes late changes nothing. */
  private closed = 0
  private giveUpLock: () => void = () => undefined
  private again: ReturnType<typeof setTimeout> | undefined
  private expectedUntil = 0
  private leaving = false
  /** Another microphone was chosen in this call and could not be had: it goes on with the one before. */
  private unheard = false
  private unwatch: () => void = () => undefined

  constructor() {
    watch(() => chosen.value.microphone, () => void this.changeMicrophone())
    watch(() => chosen.value.speaker, (id) => void this.leg?.playThrough(id))
    watch(() => chosen.value.ringer, (id) => void ringThrough(id).catch(() => undefined), { immediate: true })
    window.addEventListener('beforeunload', (event) => {
      if (this.leg !== null) event.preventDefault()
    })
  }

  /** Asks for the microphone and registers; again with the same account it changes nothing. */
  start(account: Account): void {
    this.leaving = false
    const same = this.account?.extension === account.extension && this.account.password === account.password
    if (same && this.state.registration === 'refused') return this.retry()
    if (same && this.state.registration !== 'off') return
    this.stop()
    this.account = account
    this.want(false)
  }

  /** Hangs up, and no call arrives here any more. */
  stop(): void {
    this.account = null
    this.giveUpLock()
    this.close()
    this.state.registration = 'off'
  }

  /** The session is over, perhaps in the middle of a call: that one may come to its end. */
  stopWhenIdle(): void {
    if (this.leg === null) this.stop()
    else this.leaving = true
  }

  /** From the other tab, whose call (if there is one) stays where it is until it is taken back. */
  takeOver(): void {
    this.giveUpLock()
    this.want(true)
  }

  /** After the microphone was refused or missing, or the account was not accepted. */
  retry(): void {
    const account = this.account
    if (account === null) return
    if (this.leg !== null) return void this.changeMicrophone() // the call goes on
    this.close()
    void this.register(account)
  }

  /** Without a microphone it goes on ringing, and `registration` says why. */
  async answer(): Promise<void> {
    const had = this.microphone.works
    try {
      await this.leg?.answer()
      if (!had) this.heardAgain()
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error
      this.unheard = true
      this.state.registration = error.why
    }
  }

  hangUp(): void {
    this.leg?.hangUp()
  }

  /** False: not possible now; a request that the socket does not carry would end the call. */
  hold(on: boolean): boolean {
    if (this.leg === null || !this.agent?.isConnected()) return false
    return on ? this.leg.hold() : this.leg.resume()
  }

  mute(on: boolean): void {
    this.leg?.mute(on)
  }

  digits(keys: string): void {
    this.leg?.digits(keys)
  }

  /** The next call within this time is one that was asked for here: it is answered at once. */
  expectCall(milliseconds: number): void {
    this.expectedUntil = milliseconds > 0 ? Date.now() + milliseconds : 0
  }

  /** The other side has gone elsewhere. If Asterisk does not end our own leg, we do. */
  endAfterTransfer(): void {
    const leg = this.leg
    setTimeout(() => {
      if (leg !== null && this.leg === leg) leg.hangUp()
    }, AFTER_TRANSFER_MS)
  }

  /** This tab was in a call a moment ago, before it was reloaded. */
  wasTalking(): boolean {
    return this.account !== null && this.leg === null && lastCall(this.account.extension)
  }

  forgetTalk(): void {
    forgetCall()
  }

  private want(steal: boolean): void {
    const account = this.account
    if (account === null) return
    this.state.registration = 'starting'
    if (!('locks' in navigator)) return void this.register(account) // not a secure page: the microphone will say so
    this.giveUpLock = wantLock(
      `hotline.phone.${account.extension}`,
      {
        got: () => void this.register(account),
        waiting: () => (this.state.registration = 'elsewhere'),
        lost: () => {
          // Nothing more is said to Asterisk, so that the call stays there for the other tab.
          this.socket?.disconnect()
          this.leg?.abandon()
          this.close()
          this.state.registration = 'elsewhere'
        },
      },
      steal,
    )
  }

  private async register(account: Account): Promise<void> {
    const before = this.closed
    this.state.registration = 'starting'
    try {
      await this.microphone.open()
      const { agent, socket } = await userAgent(account)
      if (before !== this.closed || this.agent !== null) return
      this.agent = agent
      this.socket = socket
      this.follow(agent)
      agent.start()
    } catch (error) {
      if (before !== this.closed) return
      if (error instanceof NoMicrophone) this.state.registration = error.why
      else this.tryAgain(account)
    }
  }

  private follow(agent: UA): void {
    let cut = false
    const mine = () => this.agent === agent
    agent.on('disconnected', () => {
      if (!mine()) return
      cut = true
      this.state.registration = 'lost'
    })
    agent.on('registered', () => {
      if (!mine()) return
      this.state.registration = 'registered'
      if (cut) this.leg?.refresh()
      cut = false
    })
    agent.on('registrationFailed', ({ response }) => {
      if (!mine()) return
      const code = (response as { status_code?: number } | undefined)?.status_code ?? 0
      this.state.registration = code === 401 || code === 403 ? 'refused' : 'lost'
      if (this.state.registration === 'lost') setTimeout(() => mine() && agent.isConnected() && agent.register(), AGAIN_MS)
    })
    agent.on('newRTCSession', ({ originator, session }: { originator: string; session: Leg['session'] }) => {
      if (!mine() || originator !== 'remote') return
      if (this.leg !== null) session.terminate({ status_code: 486 })
      else this.ring(session)
    })
  }

  private ring(session: Leg['session']): void {
    const leg = new Leg(session, () => this.microphone.open(), chosen.value.speaker, (over) => this.finished(over))
    this.leg = leg
    this.state.call = leg.view
    this.unwatch = watch(() => leg.view.state, (state) => {
      if (state === 'ringing') return
      stopRinging()
      if (state === 'talking' && this.account !== null) rememberCall(this.account.extension)
    })
    if (Date.now() < this.expectedUntil) {
      this.expectedUntil = 0
      leg.answer().catch(() => this.leg === leg && startRinging())
    } else {
      startRinging()
      this.state.ringable = canRing()
    }
  }

  private finished(leg: Leg): void {
    if (this.leg !== leg) return
    this.forgetLeg()
    this.microphone.silence()
    if (this.leaving) this.stop()
    else if (!this.microphone.works || this.unheard) void this.changeMicrophone()
  }

  /** Another was chosen, or the one that was used is gone. Without one there are no new calls. */
  private async changeMicrophone(): Promise<void> {
    const before = this.closed
    try {
      const stream = await this.microphone.change()
      if (stream === null || before !== this.closed) return
      await this.leg?.speakInto(stream)
      this.heardAgain()
    } catch (error) {
      if (before !== this.closed || !(error instanceof NoMicrophone)) return
      if (this.leg === null) this.close()
      else this.unheard = true
      this.state.registration = error.why
    }
  }

  private heardAgain(): void {
    this.unheard = false
    if (this.agent?.isRegistered()) this.state.registration = 'registered'
  }

  private tryAgain(account: Account): void {
    this.state.registration = 'lost'
    clearTimeout(this.again)
    this.again = setTimeout(() => this.account === account && void this.register(account), AGAIN_MS)
  }

  private close(): void {
    this.closed++
    clearTimeout(this.again)
    const agent = this.agent
    this.agent = null // before it stops: what it says then is no trouble
    agent?.stop()
    this.forgetLeg()
    this.unheard = false
    this.microphone.close()
  }

  private forgetLeg(): void {
    if (this.leg === null) return // what a page before this one remembered stays
    stopRinging()
    forgetCall()
    this.unwatch()
    this.leg = null
    this.state.call = null
  }
}

export const softphone = new Softphone()
export const phone = readonly(softphone.state)
