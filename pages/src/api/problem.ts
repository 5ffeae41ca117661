/** What went wrong, as the server says it (RFC 9457); `message` is Chinese and meant for people. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly errors: readonly { place: string; detail: string }[] = [],
    readonly articles: readonly string[] = [],
    readonly retryAfter: number | null = null,
  ) {
    super(message)
    this.name = 'Problem'
  }

  /** Nothing was answered at all. */
  static offline(): Problem {
    return new Problem(0, 'offline', '连接中断，请稍候重试。已填写的内容不会丢失。')
  }

  /** What was wrong with the value at `place`, such as `body/title`. */
  of(place: string): string {
    return this.errors.find((one) => one.place === place)?.detail ?? ''
  }
}

export async function problemOf(response: Response): Promise<Problem> {
  const retry = Number(response.headers.get('Retry-After') ?? NaN)
  const retryAfter = Number.isFinite(retry) ? retry : null
  try {
    const said = (await response.clone().json()) as Record<string, unknown>
    const errors = Array.isArray(said.errors) ? (said.errors as { place: string; detail: string }[]) : []
    const articles = Array.isArray(said.articles) ? (said.articles as string[]) : []
    return new Problem(response.status, String(said.code), String(said.detail), errors, articles, retryAfter)
  } catch {
    return new Problem(response.status, 'no_answer', `系统没有正常应答（${response.status}）。`, [], [], retryAfter)
  }
}

/** Whatever was thrown, in words for people. */
export function said(error: unknown): string {
  if (!(error instanceof Problem)) return error instanceof Error ? error.message : String(error)
  const wrong = error.errors.map((one) => one.detail)
  const articles = error.articles.length > 0 ? `（${error.articles.join('、')}）` : ''
  return [error.message + articles, ...wrong].join(' ')
}
