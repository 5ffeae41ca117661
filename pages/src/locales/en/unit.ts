import type zh from '../zh/unit'

export default { title: '{unit}', mine: "My unit's tickets", all: 'Show all open tickets' } satisfies typeof zh
