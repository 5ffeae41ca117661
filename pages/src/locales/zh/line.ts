export default {
  announcements: '公告', text: '内容', textHint: '来电人在菜单前听到的话，由合成语音播报', topic: '专题（可空）', district: '区域（可空）', all: '全部来电', until: '截止', heard: '听到/听后挂机', on: '开启公告', off: '关闭', isOn: '公告已开启',
  maintenance: '维护模式', maintenanceHint: '开启后只接通紧急求助（110、119、120、122），其余来电请留言。', maintenanceNow: '现在没有开启。', maintenanceOn: '开启维护模式', maintenanceOff: '关闭维护模式',
  barred: '恶意来电名单', reason: '理由', by: '提出', why: '理由（记入审计日志）', bar: '列入', dontBar: '不列入', lift: '解除',
}
