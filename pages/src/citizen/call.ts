import type { UA } from 'jssip/lib/UA'
import { shallowReactive } from 'vue'

import { api, body } from '@/api/client'
import { Problem, said } from '@/api/problem'
import { NoMicrophone, openMicrophone } from '@/phone/devices'
import { Leg, type PhoneCall } from '@/phone/leg'

export type Stage = 'idle' | 'starting' | 'dialling' | 'talking' | 'over'

/** A citizen's one call to 12345 from the page: an account for this call, then the call. */
export const webCall = shallowReactive({
  stage: 'idle' as Stage,
  /** Why it did not come about: a word of `phone.*`, and what the hotline said to it. */
  trouble: '',
  said: '',
  leg: null as PhoneCall | null,
})

/** Which of the attempts it is: what comes late of one that is over changes nothing. */
let attempt = 0
let agent: UA | null = null
let leg: Leg | null = null
let microphone: MediaStream | null = null

export async function dial(): Promise<void> {
  const mine = ++attempt
  Object.assign(webCall, { stage: 'starting', trouble: '', said: '' })
  try {
    // Asked for first: without the permission a browser offers no address that sound could be sent to.
    const stream = await openMicrophone()
    if (mine !== attempt) return stream.getTracks().forEach((track) => track.stop())
    microphone = stream
    const given = await body(api.POST('/public/phone'))
    const { UA, WebSocketInterface } = (await import('jssip')).default
    if (mine !== attempt) return
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    agent = new UA({
      sockets: [new WebSocketInterface(`${scheme}://${location.host}${given.socket}`)],
      uri: `sip:${given.user}@${location.hostname}`,
      authorization_user: given.user,
      password: given.password,
      register: false,
      session_timers: false,
      user_agent: 'hotline-citizen',
    })
    agent.on('newRTCSession', ({ session }: { session: ConstructorParameters<typeof Leg>[0] }) => {
      leg = new Leg(session, () => openMicrophone(), '', finish)
      webCall.leg = leg.view
      session.on('accepted', () => (webCall.stage = 'talking'))
      session.on('failed', ({ originator, cause }) => {
        // Who hangs up while it rings has called it off.
        if ((originator as string) !== 'local' || cause !== 'Canceled') fail('failed', '')
      })
    })
    const target = `sip:${given.number}@${location.hostname}`
    const extraHeaders = [`${given.header}: ${given.token}`]
    agent.on('connected', () => {
      if (mine !== attempt || webCall.stage !== 'starting') return
      webCall.stage = 'dialling'
      agent?.call(target, { extraHeaders, mediaStream: stream, pcConfig: { iceServers: [] } })
    })
    agent.on('disconnected', ({ error }) => {
      if (error && mine === attempt && webCall.stage !== 'talking') fail('failed', '')
    })
    agent.start()
  } catch (error) {
    if (mine !== attempt) return
    if (error instanceof NoMicrophone) fail(error.why, '')
    else fail('failed', error instanceof Problem ? said(error) : '')
  }
}

export function hangUp(): void {
  if (leg === null) finish()
  else leg.hangUp()
}

export function press(key: string): void {
  leg?.digits(key)
}

export function mute(on: boolean): void {
  leg?.mute(on)
}

function fail(trouble: string, why: string): void {
  Object.assign(webCall, { trouble, said: why })
  finish()
}

function finish(): void {
  attempt++
  webCall.stage = 'over'
  webCall.leg = null
  leg = null
  const old = agent
  agent = null
  old?.stop()
  microphone?.getTracks().forEach((track) => track.stop())
  microphone = null
}
