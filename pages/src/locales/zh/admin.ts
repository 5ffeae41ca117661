export default {
  userName: '用户名', person: '姓名', roles: '角色', unit: '承办单位', signedIn: '上次登录', state: '状态', active: '在用', disabled: '已停用', enable: '恢复', disable: '停用', changeRoles: '改变角色', newPassword: '重设密码', endTotp: '关闭两步验证', rolesHint: '改变后此人须重新登录。', firstPassword: '初始密码', sure: { disable: '停用 {name}？此人立即退出登录，席位空出，不能再登录。', password: '重设 {name} 的密码？原密码立即失效，此人须重新登录。', totp: '关闭 {name} 的两步验证？此后只凭密码即可登录。' }, onlyOnce: '密码只显示这一次，请当面或另行告知；首次登录须修改。', change: '修改',
  code: '代码（如 dl-gongan）', unitName: '单位名称', kind: '类型', parent: '所属区县', telephone: '电话', unitKind: { department: '部门', county: '区县', enterprise: '公共服务企业' },
  extension: '分机', label: '名称', phone: '话机', sits: '在席', since: '入席时间', phoneKind: { browser: '浏览器软电话', desk: '桌面话机（SIP）' }, extensionsHint: '分机在 routing/agents.yaml 中设置；浏览器软电话无需安装，入席时自动注册。',
  setup: '设立管理员', setupHint: '这是首次运行。设立管理员后，可加载演示城市试用，或直接建立单位和用户。', setupGo: '设立并登录', setUpAlready: '管理员已经设立。', noLink: '请使用启动热线时显示的一次性链接打开本页。',
  totp: '两步验证', totpOn: '已开通（{since}），剩 {n} 个恢复码', totpOff: '未开通。开通后，登录时还须输入手机验证器上的 6 位验证码。', totpBegin: '开始开通', totpScan: '用验证器扫描二维码，', totpSecret: '或手工添加密钥', totpOpen: '在本机打开验证器', totpConfirm: '确认', totpEnd: '关闭两步验证', totpEnded: '已关闭两步验证', recovery: '恢复码：验证器丢失时各可登录一次。请抄下保存，只显示这一次。',
}
