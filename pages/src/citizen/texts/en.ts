import type zh from './zh'

export default { title: '12345 citizen hotline' } satisfies typeof zh
