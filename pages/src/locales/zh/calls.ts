export default {
  number: '号码', agent: '座席', queue: '队列', arrived: '来电时间', ended: '结束', dialled: '所拨号码', toHuman: '接通等待', talk: '通话', what: '类型', kind: '来电类型', said: '在菜单里说', keyed: '按键', live: '通话中',
  recording: '录音', course: '全过程', listened: '谁听过、看过', jump: '从这里听起', play: '播放', pause: '暂停', channels: '上：来电人，下：对方', noSound: '录音现在不能播放。', notRecorded: '没有录音', transcript: '通话转写',
  via: { public: '', agent: '（座席）', test: '（测试）', emergency: '（110 等转来）', web: '（网页电话）', callback: '（回访）', outgoing: '（呼出）', place: '（排队回拨）' },
  who: { caller: '来电人', other: '对方' },
  part: { call: '通话', message: '留言', comment: '意见' },
  state: { pending: '正在录音或转换', done: '', missing: '录音丢失', failed: '录音失败', none: '没有录音', erased: '已按规定删除' },
  transcriptState: { pending: '正在转写', done: '', failed: '没有转写成功', none: '没有文字' },
  heardHow: { listen: '听了录音', monitor: '旁听', transcript: '看了转写', words: '看了实时转写', export: '导出了录音', reveal: '看了完整号码' },
  filter: { all: '全部', live: '通话中', emergency: '紧急', message: '留言', missed: '漏接' },
}
