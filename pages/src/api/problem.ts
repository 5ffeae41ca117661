import { language } from '@/shared/language'

/** What no server has said. */
const OURS = {
  zh: { offline: '连接中断，请稍候重试。已填写的内容不会丢失。', noAnswer: '系统没有正常应答', unforeseen: '出了意外，请重试；仍不行请刷新本页。' },
  en: {
    offline: 'The connection is lost; please try again shortly. What you have typed is kept.',
    noAnswer: 'The system did not answer as it should',
    unforeseen: 'Something unforeseen went wrong. Please try again; if that does not help, reload this page.',
  },
}

/** What went wrong, as the server says it (RFC 9457), in Chinese; `message` is meant for people. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly errors: readonly { place: string; detail: string }[] = [],
    readonly articles: readonly string[] = [],
  ) {
    super(message)
    this.name = 'Problem'
  }

  /** Nothing was answered at all. */
  static offline(): Problem {
    return new Problem(0, 'offline', OURS[language()].offline)
  }
}

export async function problemOf(response: Response): Promise<Problem> {
  try {
    const said = (await response.clone().json()) as Record<string, unknown>
    const errors = Array.isArray(said.errors) ? (said.errors as { place: string; detail: string }[]) : []
    const articles = Array.isArray(said.articles) ? (said.articles as string[]) : []
    return new Problem(response.status, String(said.code), String(said.detail), errors, articles)
  } catch {
    return new Problem(response.status, 'no_answer', `${OURS[language()].noAnswer} (${response.status})`)
  }
}

/** The server is away, perhaps being restarted: later it may answer. */
export function isAway(error: unknown): boolean {
  return error instanceof Problem && (error.status === 0 || error.status >= 500)
}

/** Whatever was thrown, in words for people. What no server said is for engineers, in the browser's console. */
export function said(error: unknown): string {
  if (!(error instanceof Problem)) {
    reportError(error)
    return OURS[language()].unforeseen
  }
  const wrong = error.errors.map((one) => one.detail)
  const articles = error.articles.length > 0 ? `（${error.articles.join('、')}）` : ''
  return [error.message + articles, ...wrong].join(' ')
}
