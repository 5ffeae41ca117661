import { useLocalStorage } from '@vueuse/core'

/** Which microphone, earpiece and ringing loudspeaker; empty: the system's own choice. Kept in this browser. */
export const chosen = useLocalStorage('hotline.phone.devices', { microphone: '', speaker: '', ringer: '' })

export type MicrophoneTrouble = 'insecure' | 'denied' | 'missing' | 'busy'

export class NoMicrophone extends Error {
  constructor(readonly why: MicrophoneTrouble) {
    super(why)
    this.name = 'NoMicrophone'
  }
}

/**
 * The microphone's stream. It is asked for before the telephone registers, because without the permission a browser
 * offers addresses that nobody can send sound to; and it is kept while one sits at the telephone, so that answering
 * takes no time. Between calls it is silent. Throws NoMicrophone.
 */
export async function openMicrophone(): Promise<MediaStream> {
  // Browsers give no microphone to a page that came without https, unless it is of this machine.
  if (!window.isSecureContext || !('mediaDevices' in navigator)) throw new NoMicrophone('insecure')
  const wanted: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
  const device = chosen.value.microphone
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: device === '' ? wanted : { ...wanted, deviceId: { exact: device } } })
  } catch (error) {
    const name = error instanceof DOMException ? error.name : ''
    if (device !== '' && ['NotFoundError', 'OverconstrainedError'].includes(name)) {
      chosen.value.microphone = '' // it was unplugged
      return openMicrophone()
    }
    if (name === 'NotAllowedError' || name === 'SecurityError') throw new NoMicrophone('denied')
    throw new NoMicrophone(name === 'NotFoundError' ? 'missing' : 'busy')
  }
}

export interface DeviceChoice {
  id: string
  label: string
}

export async function listDevices(): Promise<{ microphones: DeviceChoice[]; speakers: DeviceChoice[] }> {
  const found = await navigator.mediaDevices.enumerateDevices()
  const of = (kind: MediaDeviceKind) =>
    found.filter((one) => one.kind === kind && one.deviceId !== '' && one.deviceId !== 'default').map((one) => ({ id: one.deviceId, label: one.label || one.deviceId.slice(0, 8) }))
  return { microphones: of('audioinput'), speakers: of('audiooutput') }
}
