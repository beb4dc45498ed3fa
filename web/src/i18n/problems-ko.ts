// What each Problem means and what to do about it, in Korean; the compiler asks for every code.
import type { KnownCode } from '../api/problem';
import type { ProblemText } from './problems-en';

export const problemsKo: Record<KnownCode, ProblemText> = {
  not_signed_in: { what: '로그인되어 있지 않습니다.', todo: '로그인하세요. 로그인하면 이 화면으로 돌아옵니다.' },
  session_expired: { what: '로그인이 만료되었습니다.', todo: '다시 로그인하세요. 로그인하면 이 화면으로 돌아옵니다.' },
  csrf: {
    what: '요청에 이 페이지의 토큰이 없습니다.',
    todo: '페이지를 새로 고친 뒤 다시 시도하세요. 같은 일이 반복되면 로그아웃했다가 다시 로그인하세요.',
  },
  origin_refused: {
    what: '허브가 받아들이지 않는 페이지에서 온 요청입니다.',
    todo: '허브의 원래 주소로 콘솔을 여세요. 앞단에 프록시가 있다면 Host와 Origin 헤더를 그대로 전달하도록 프록시 관리자에게 요청하세요.',
  },
  wrong_credentials: {
    what: '이름 또는 비밀번호가 올바르지 않습니다.',
    todo: '확인한 뒤 다시 입력하세요. 관리자에게 새 초대를 요청할 수도 있습니다.',
  },
  too_many_attempts: { what: '시도 횟수가 너무 많습니다.', todo: '잠시 기다렸다가 다시 시도하세요.' },
  account_disabled: { what: '비활성화된 계정입니다.', todo: '허브 관리자에게 계정 활성화를 요청하세요.' },
  invitation_invalid: {
    what: '사용할 수 없는 초대입니다. 이미 사용되었거나 취소되었거나 만료되었습니다.',
    todo: '관리자에게 새 초대를 요청하세요.',
  },
  password_weak: {
    what: '비밀번호가 너무 약합니다.',
    todo: '서로 관련 없는 단어를 여러 개 이어 더 길게 정하세요.',
  },
  token_refused: {
    what: '이 토큰으로는 로그인할 수 없습니다.',
    todo: '토큰이 온전한지, 만료되지 않았는지, 이 클러스터의 것인지 확인하세요. ‘kubectl create token’ 명령으로 새로 만들 수 있습니다. 워크스페이스의 서비스 어카운트로는 로그인할 수 없으니 본인 계정으로 로그인하세요.',
  },
  forbidden: {
    what: 'Kubernetes가 이 작업을 허용하지 않습니다.',
    todo: '이 네임스페이스에서 작업을 허용하는 롤을 클러스터 관리자에게 요청하세요.',
  },
  needs_account: {
    what: '토큰으로 로그인했지만 이 작업에는 허브 계정이 필요합니다.',
    todo: '계정으로 로그인하세요. kubectl에서는 토큰을 kubeconfig에 직접 넣을 수 있습니다.',
  },
  machine_request_gone: {
    what: '이 코드로 요청한 기기가 없습니다. 이미 처리되었거나 만료되었을 수 있습니다.',
    todo: '코드를 확인하거나 기기에서 “sallyport login”을 다시 실행하세요.',
  },
  not_admin: { what: '허브 관리자만 할 수 있는 작업입니다.', todo: '허브 관리자에게 문의하세요.' },
  not_found: { what: '찾는 항목이 없습니다.', todo: '주소를 확인하세요. 이미 삭제되었을 수 있습니다.' },
  conflict: {
    what: '같은 이름이 이미 있거나, 그사이에 다른 변경이 있었습니다.',
    todo: '현재 상태를 확인한 뒤 다시 시도하세요.',
  },
  bad_request: {
    what: '허브가 처리할 수 없는 요청입니다.',
    todo: '입력한 내용을 확인하세요. 아래 ‘상세’에 해당 항목이 나와 있습니다.',
  },
  body_too_large: { what: '한 번에 보낸 데이터가 너무 큽니다.', todo: '나누어 보내세요.' },
  quota_person: {
    what: '워크스페이스 쿼터를 모두 사용했습니다.',
    todo: '필요 없는 워크스페이스를 삭제하거나, 관리자에게 쿼터를 늘려 달라고 요청하세요.',
  },
  quota_total: {
    what: '이 허브의 워크스페이스가 모두 사용 중입니다.',
    todo: '나중에 다시 시도하거나, 관리자에게 한도를 늘려 달라고 요청하세요.',
  },
  too_many_links: {
    what: '아직 쓰지 않은 사전 서명 링크가 너무 많습니다.',
    todo: '링크를 사용하거나 ‘접근 관리’ 화면에서 폐기하세요. 시간이 지나면 저절로 만료되기도 합니다.',
  },
  too_many_terminals: {
    what: '열 수 있는 터미널을 모두 사용하고 있습니다.',
    todo: '필요 없는 터미널을 닫거나 ‘접근 관리’ 화면에서 종료한 뒤 다시 여세요.',
  },
  too_many_watches: {
    what: '실시간으로 볼 수 있는 목록의 수를 모두 사용하고 있습니다.',
    todo: '콘솔의 다른 탭을 닫거나 다른 곳에서 로그아웃하세요.',
  },
  cluster_unreachable: {
    what: '클러스터가 응답하지 않습니다.',
    todo: '잠시 뒤 다시 시도하세요. 계속되면 클러스터 관리자에게 알리세요.',
  },
  exec_unsupported: {
    what: '이 클러스터는 터미널에 필요한 최신 연결 방식을 지원하지 않습니다.',
    todo: '클러스터를 Kubernetes 1.30 이상으로 업데이트하거나, 앞단의 프록시가 WebSocket 업그레이드를 통과시키도록 클러스터 관리자에게 요청하세요.',
  },
  cluster_unknown: { what: '허브에 등록되지 않은 클러스터입니다.', todo: '목록에 있는 클러스터를 선택하세요.' },
  store_unavailable: {
    what: '허브의 데이터베이스가 응답하지 않습니다.',
    todo: '변경된 내용은 없습니다. 잠시 뒤 다시 시도하고, 계속되면 관리자에게 알리세요.',
  },
  internal: {
    what: '허브에서 문제가 발생했습니다.',
    todo: '다시 시도하세요. 같은 일이 반복되면 요청 ID를 관리자에게 전달하세요.',
  },
  link_malformed: {
    what: '링크가 온전하지 않습니다.',
    todo: '처음부터 끝까지 다시 복사하거나, 새 링크를 요청하세요.',
  },
  link_signature: { what: '이 허브가 만든 링크가 아니거나 내용이 변조되었습니다.', todo: '새 링크를 요청하세요.' },
  link_key_unknown: {
    what: '허브가 더는 받아들이지 않는 키로 서명된 링크입니다.',
    todo: '새 링크를 요청하세요.',
  },
  link_expired: { what: '링크가 만료되었습니다.', todo: '파드 화면에서 터미널을 다시 열거나, 새 링크를 요청하세요.' },
  link_revoked: {
    what: '폐기된 링크입니다.',
    todo: '본인이 폐기하지 않았다면 허브 관리자에게 문의하세요. 권한이 남아 있으면 파드 화면에서 파드를 다시 열 수 있습니다.',
  },
  link_used: {
    what: '이미 사용된 링크입니다. 링크 하나로 터미널 하나만 열 수 있습니다.',
    todo: '파드 화면에서 터미널을 새로 열거나, 새 링크를 요청하세요. 본인이 사용하지 않았다면 관리자에게 알리세요.',
  },
  link_other_user: {
    what: '다른 사람에게 발급된 링크입니다.',
    todo: '해당 사용자로 로그인하거나, 본인의 링크를 요청하세요.',
  },
  link_other_browser: {
    what: '다른 브라우저에서 이미 연 링크입니다.',
    todo: '그 브라우저에서 계속하거나, 새 링크를 요청하세요. 본인이 열지 않았다면 관리자에게 알리세요.',
  },
  pod_gone: { what: '파드가 사라졌습니다.', todo: '파드 화면에서 새로 만들어진 파드를 찾아보세요.' },
  pod_replaced: {
    what: '같은 이름의 다른 파드로 교체되었습니다.',
    todo: '이 링크는 이전 파드에만 유효합니다. 파드 화면에서 새 파드를 여세요.',
  },
  pod_not_running: {
    what: '파드가 실행 중이 아닙니다.',
    todo: '실행될 때까지 기다리거나, 파드 화면에서 상태를 확인하세요.',
  },
  container_unknown: {
    what: '파드에 해당 컨테이너가 없거나 실행 중이 아닙니다.',
    todo: '파드의 다른 컨테이너를 선택하세요.',
  },
  no_shell: {
    what: '이 컨테이너에는 셸이 없습니다.',
    todo: '다른 컨테이너를 선택하세요. 셸이 없는 이미지는 임시 컨테이너로 살펴볼 수 있습니다.',
  },
  ticket_missing: {
    what: '1차 검증을 거치지 않았습니다.',
    todo: '터미널을 다시 여세요. 두 검증을 차례로 거칩니다.',
  },
  ticket_invalid: {
    what: '이 브라우저에서는 유효하지 않은 1차 검증 티켓입니다.',
    todo: '이 브라우저에서 터미널을 다시 여세요.',
  },
  ticket_expired: {
    what: '1차 검증 후 시간이 너무 지났습니다.',
    todo: '터미널을 다시 여세요. 티켓은 몇 초 동안만 유효합니다.',
  },
  ticket_used: {
    what: '이미 사용된 티켓입니다.',
    todo: '터미널을 다시 여세요. 본인이 사용하지 않았다면 관리자에게 알리세요.',
  },
  right_withdrawn: {
    what: '사용 중에 이 터미널의 접근 권한이 회수되었습니다.',
    todo: '계속 필요하면 클러스터 관리자에게 문의하세요.',
  },
  terminal_ended: { what: '터미널이 종료되었습니다.', todo: '필요하면 새로 여세요.' },
  session_ended: { what: '로그인이 종료되었습니다.', todo: '다시 로그인하세요. 로그인하면 이 화면으로 돌아옵니다.' },
  hub_draining: {
    what: '허브가 중지되는 중이거나 이미 중지되었습니다. 열려 있던 터미널도 함께 끝납니다.',
    todo: '잠시 후 다시 시도하세요. 계속 응답이 없으면 허브 관리자에게 문의하세요.',
  },
  hub_unreachable: {
    what: '허브가 응답하지 않습니다.',
    todo: '네트워크를 확인하세요. 허브가 응답하면 콘솔이 자동으로 이어집니다.',
  },
  unexpected_answer: {
    what: '허브가 보낸 응답이 아니거나, 이 페이지가 허브보다 오래되었습니다.',
    todo: '페이지를 새로 고치세요. 계속되면 중간에 있는 프록시를 확인하세요.',
  },
  connection_lost: {
    what: '터미널 연결이 끊어졌습니다. 파드에서 실행하던 셸은 종료되었습니다.',
    todo: '네트워크를 확인한 뒤 터미널을 다시 여세요.',
  },
};
