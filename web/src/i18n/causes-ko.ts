// Why a request failed and what to do about it, by cause, in Korean; the compiler asks for every cause.
import type { TrafficCause } from '../api/contract';
import type { CauseText } from './causes-en';

export const causesKo: Record<TrafficCause, CauseText> = {
  no_credential: {
    what: '요청에 토큰이 없고, 클라이언트 인증서도 없거나 인정되지 않았습니다.',
    todo: '토큰을 보내거나, API 서버의 클라이언트 CA 파일에 있는 인증 기관의 클라이언트 인증서를 사용하세요. kubeconfig가 어느 사용자와 컨텍스트를 쓰는지 확인하세요.',
  },
  token_refused: {
    what: '요청에 토큰이 있지만 API 서버의 어느 인증 방식도 인정하지 않았습니다.',
    todo: '만료되지 않았는지, 발급자와 대상(audience)이 이 클러스터의 것인지 확인하세요. ‘sallyport auth’ 명령이 토큰을 설명해 줍니다. 파드 안에서는 토큰 파일이 바뀌므로 다시 읽어야 합니다.',
  },
  basic_refused: {
    what: '요청이 이름과 비밀번호로 로그인하지만 API 서버에는 그런 방식이 없습니다.',
    todo: '토큰, 클라이언트 인증서, OpenID Connect 중 하나를 사용하세요.',
  },
  unauthorized: {
    what: 'API 서버가 요청한 사람을 알 수 없습니다. 응답에도, 저장된 요청에도 까닭이 나와 있지 않습니다.',
    todo: 'API 서버 로그에서 요청을 찾거나, 감사 ID로 감사 로그를 확인하세요.',
  },
  anonymous_denied: {
    what: '로그인하지 않은 요청입니다. API 서버는 익명으로 보았고, 익명에는 이 권한이 없습니다.',
    todo: '자격 증명을 보내세요. 보내고 있었다면 클라이언트가 그것을 읽는지, 중간의 프록시가 지우지 않는지 확인하세요. 익명에 권한을 주지는 마세요.',
  },
  rbac_denied: {
    what: '이 사용자에게 이 권한을 주는 롤이 없습니다.',
    todo: '필요한 권한이라면 이 리소스에 이 동작만 허용하는 롤을 여기에 바인딩하세요. 아래 명령으로 해결되었는지 확인할 수 있습니다.',
  },
  path_denied: {
    what: '이 사용자에게 이 경로를 허용하는 롤이 없습니다. 리소스가 아닌 경로입니다.',
    todo: '필요하다면 ClusterRole의 nonResourceURLs로 허용하고 ClusterRoleBinding으로 바인딩하세요.',
  },
  impersonation_denied: {
    what: '다른 사람으로 가장하려 했지만, 그럴 권한을 주는 롤이 없습니다.',
    todo: '필요하다면 해당 사용자, 그룹, 추가 속성에 ‘impersonate’를 이름을 정해 허용하세요. 아니라면 --as를 빼세요.',
  },
  node_denied: {
    what: 'kubelet은 자기 노드에 속한 것에만 접근할 수 있는데, 이것은 그렇지 않습니다.',
    todo: '이 노드의 파드가 그 오브젝트를 쓰는지, kubelet이 이 노드로 로그인하는지 확인하세요.',
  },
  kubelet_denied: {
    what: 'kubelet이 API 서버에 물었지만, 이 사용자에게는 노드의 이 부분에 대한 권한이 없습니다.',
    todo: '필요하다면 ClusterRole에서 ‘nodes’의 해당 하위 리소스를 허용하세요. API 서버 자신의 클라이언트라면 system:kubelet-api-admin을 바인딩하세요.',
  },
  rbac_escalation: {
    what: '롤이 만드는 사람보다 많은 권한을 주려 합니다.',
    todo: '그 권한을 가진 사람이 만들거나, 메시지에 나온 권한을 빼세요.',
  },
  quota_exceeded: {
    what: '네임스페이스의 ResourceQuota가 막았습니다.',
    todo: '필요 없는 것을 지우거나, 적게 요청하거나, 쿼터를 늘리세요. 쿼터가 requests나 limits를 요구하면 지정하세요.',
  },
  pod_security: {
    what: '파드가 네임스페이스에 적용된 파드 보안 수준을 지키지 않습니다.',
    todo: '메시지에 나온 항목을 파드에 설정하세요. 파드에 꼭 필요할 때만 네임스페이스의 수준을 낮추세요.',
  },
  limit_range: {
    what: 'requests나 limits가 네임스페이스의 LimitRange를 벗어났습니다.',
    todo: '범위 안의 값으로 설정하세요.',
  },
  namespace_terminating: {
    what: '네임스페이스가 삭제되는 중이어서 새로 만들 수 없습니다.',
    todo: '사라질 때까지 기다렸다가 다시 만드세요. 계속 남아 있으면 상태에서 어느 finalizer가 붙잡고 있는지 확인하세요.',
  },
  service_account_missing: {
    what: '파드의 서비스 어카운트가 없습니다.',
    todo: '먼저 만들거나 파드에 적은 이름을 고치세요.',
  },
  webhook_denied: {
    what: '어드미션 웹훅이 거부했습니다. 이유는 웹훅이 쓴 그대로입니다.',
    todo: '메시지대로 오브젝트를 고치거나 웹훅 담당자에게 문의하세요.',
  },
  policy_denied: {
    what: 'ValidatingAdmissionPolicy가 거부했습니다.',
    todo: '메시지대로 오브젝트를 고치거나, 정책과 그 바인딩이 고르는 대상을 확인하세요.',
  },
  admission_denied: {
    what: 'RBAC 다음 단계에서 어드미션 플러그인이나 하위 리소스의 자체 규칙이 거부했습니다.',
    todo: '메시지대로 하세요. 롤을 바꾸어도 소용이 없습니다.',
  },
  forbidden: {
    what: '금지되었지만 응답에 무엇이 막았는지 나와 있지 않습니다.',
    todo: 'API 서버의 감사 로그에서 감사 ID로 찾으세요. 주석에 결정이 나와 있습니다.',
  },
  object_not_found: {
    what: '그런 이름의 오브젝트가 없습니다.',
    todo: '이름과 네임스페이스를 확인하세요. 만들기 전에 먼저 읽는 컨트롤러라면 흔한 일입니다.',
  },
  namespace_not_found: {
    what: '네임스페이스가 없습니다.',
    todo: '먼저 만들거나 이름을 고치세요.',
  },
  api_not_found: {
    what: 'API 서버가 이 버전의 이 리소스를 제공하지 않습니다.',
    todo: '이 리소스를 제공하는 CustomResourceDefinition이나 확장 API를 설치하거나, 제공되는 버전을 사용하세요. 오래된 버전은 차례로 없어집니다.',
  },
  not_found: {
    what: '이 주소에는 아무것도 없고, 응답에 더 나와 있는 것이 없습니다.',
    todo: '경로를 확인하세요.',
  },
  version_conflict: {
    what: '이 클라이언트가 읽은 뒤에 다른 쪽이 오브젝트를 고쳤습니다.',
    todo: '다시 읽어 지금 내용에 변경을 적용한 뒤 쓰세요. 클라이언트는 보통 스스로 그렇게 합니다(RetryOnConflict). 계속되면 두 컨트롤러가 같은 오브젝트를 고치고 있는 것입니다.',
  },
  already_exists: {
    what: '같은 이름의 오브젝트가 이미 있습니다.',
    todo: '그것을 고치거나 다른 이름을 고르세요. 있을 수도 있는 것을 만드는 컨트롤러라면 흔한 일입니다.',
  },
  being_deleted: {
    what: '오브젝트가 아직 있고 삭제되는 중입니다.',
    todo: '사라질 때까지 기다리세요. 계속 남아 있으면 finalizer가 붙잡고 있는 것입니다.',
  },
  field_manager_conflict: {
    what: '다른 관리자가 소유한 필드입니다. 서버 측 적용은 요청 없이 필드를 빼앗지 않습니다.',
    todo: '그 필드를 빼거나, 같은 값으로 두거나, 직접 관리해야 한다면 --force-conflicts로 가져오세요.',
  },
  precondition_failed: {
    what: '요청이 가리킨 그 오브젝트가 아닙니다. UID나 버전이 다릅니다.',
    todo: '다시 읽으세요. 삭제된 뒤 새로 만들어졌을 수 있습니다.',
  },
  conflict: {
    what: '지금 상태와 충돌합니다.',
    todo: '오브젝트를 다시 읽고 메시지대로 하세요.',
  },
  version_expired: {
    what: '이어서 볼 리소스 버전이 이미 지워졌습니다. API 서버는 몇 분 동안만 보관합니다.',
    todo: '다시 나열한 뒤 거기서부터 감시하세요. 클라이언트는 보통 스스로 그렇게 합니다. 자주 일어나면 클라이언트가 느리거나 멈춰 있었거나, etcd를 너무 자주 압축하는 것입니다.',
  },
  continue_expired: {
    what: '목록을 너무 천천히 읽어서 이어 볼 수 없게 되었습니다.',
    todo: '목록을 처음부터, 더 큰 페이지로 또는 더 빨리 읽으세요.',
  },
  gone: {
    what: '요청한 것이 더는 보관되어 있지 않습니다.',
    todo: '다시 나열하세요.',
  },
  immutable_field: {
    what: '바꿀 수 없는 필드를 바꾸려 했습니다.',
    todo: '그대로 두거나, 오브젝트를 지우고 다시 만드세요.',
  },
  invalid: {
    what: '오브젝트가 올바르지 않습니다.',
    todo: '아래 필드를 고치세요.',
  },
  unknown_field: {
    what: '이 종류에 없는 필드가 있거나 같은 필드가 두 번 있습니다.',
    todo: '이름과 들여쓰기를 고치거나, 그 필드가 있는 버전을 사용하세요.',
  },
  bad_request: {
    what: 'API 서버가 요청을 이해하지 못했습니다.',
    todo: '메시지대로 하세요.',
  },
  method_not_allowed: {
    what: '이 리소스에는 그 동작이 없습니다.',
    todo: '‘kubectl api-resources -o wide’에 나오는 동작을 사용하세요.',
  },
  too_large: {
    what: '요청이나 오브젝트가 너무 큽니다.',
    todo: '더 작게 만드세요. etcd는 오브젝트 하나에 약 1.5MiB까지 받습니다. 큰 데이터는 다른 곳에 두세요.',
  },
  unsupported_media_type: {
    what: '여기서는 받지 않는 내용 형식입니다.',
    todo: 'JSON으로 보내고, 패치라면 종류를 지정하세요. 커스텀 리소스는 전략적 병합 패치와 protobuf를 받지 않습니다.',
  },
  disruption_budget: {
    what: 'PodDisruptionBudget 때문에 지금은 이 파드를 축출할 수 없습니다.',
    todo: '정상 파드가 충분해질 때까지 기다리세요. 드레인은 스스로 다시 시도합니다. 하나도 내보낼 수 없는 설정이라면 예산을 바꾸거나 파드를 늘리세요.',
  },
  flow_control: {
    what: 'API 우선순위와 공정성(APF)에서 자리를 얻지 못했습니다. 같은 우선순위의 요청이 너무 많습니다.',
    todo: '누가 이 우선순위에 몰려 있는지 목록 위의 사용자별 요약에서 찾고, 되풀이해 나열하는 대신 감시하게 하세요. 클라이언트는 Retry-After만큼 기다립니다.',
  },
  storage_initializing: {
    what: 'API 서버가 이 리소스의 캐시를 채우는 중입니다.',
    todo: 'Retry-After만큼 기다렸다가 다시 요청하세요. 계속되면 etcd와 API 서버의 메모리를 확인하세요.',
  },
  too_many_requests: {
    what: '요청이 너무 많지만, 응답에 무엇이 많은지 나와 있지 않습니다.',
    todo: 'Retry-After만큼 기다리세요. 누가 가장 많이 요청하는지는 목록 위의 요약에 있습니다.',
  },
  webhook_timeout: {
    what: '웹훅이 설정된 시간 안에 답하지 않았습니다.',
    todo: '웹훅 파드와 부하를 확인하세요. 대상 오브젝트를 줄이고, 응답하지 않을 때 어떻게 할지 failurePolicy로 정하세요.',
  },
  webhook_unreachable: {
    what: '웹훅에 연결할 수 없습니다.',
    todo: '서비스에 준비된 엔드포인트가 있는지, 컨트롤 플레인이 네트워크 정책과 방화벽을 지나 닿을 수 있는지 확인하세요. 웹훅을 제거했다면 남은 설정도 지우세요.',
  },
  webhook_certificate: {
    what: '웹훅의 TLS 연결이 인정되지 않았습니다. 인증서나 핸드셰이크 문제입니다.',
    todo: 'caBundle이 웹훅 인증서의 인증 기관인지, 만료되지 않았는지, SERVICE.NAMESPACE.svc 이름이 들어 있는지 확인하세요.',
  },
  webhook_failed: {
    what: '웹훅 호출에 실패했습니다.',
    todo: '메시지와 웹훅의 로그를 확인하세요.',
  },
  etcd_slow: {
    what: 'etcd가 제때 답하지 않았거나 리더가 없었습니다.',
    todo: 'etcd의 디스크 지연(etcd_disk_wal_fsync_duration_seconds), 멤버, 멤버 사이의 네트워크를 확인하세요.',
  },
  etcd_full: {
    what: 'etcd 데이터베이스가 가득 차서 쓸 수 없습니다.',
    todo: '압축하고 조각 모음을 한 뒤 경보를 해제하고, 필요하면 --quota-backend-bytes를 늘리세요. 이벤트나 시크릿처럼 무엇이 많이 쓰였는지 찾으세요.',
  },
  kubelet_unreachable: {
    what: 'API 서버가 kubelet에 연결하지 못했습니다.',
    todo: '노드가 켜져 있는지, 컨트롤 플레인이 그 노드의 10250 포트에 닿을 수 있는지 확인하세요.',
  },
  upstream_unreachable: {
    what: 'API 서버가 대신하는 다른 서버에 연결하지 못했습니다.',
    todo: '그 서비스의 파드와 엔드포인트를 확인하세요. 확장 API라면 APIService에 서비스가 나와 있습니다.',
  },
  shutting_down: {
    what: 'API 서버가 종료되는 중입니다.',
    todo: '다시 요청하세요. 다른 서버나 다시 시작한 서버가 답합니다.',
  },
  version_too_large: {
    what: '요청한 리소스 버전이 이 API 서버가 아는 것보다 새롭습니다.',
    todo: '잠시 뒤 다시 요청하세요. 계속되면 API 서버 하나가 뒤처졌거나 데이터베이스를 백업에서 복원한 것이니 클라이언트를 다시 시작하세요.',
  },
  timed_out: {
    what: '요청이 제시간에 끝나지 않았습니다.',
    todo: '이미 실행되었을 수 있으니 쓰기를 되풀이하기 전에 확인하세요. etcd, 웹훅, 요청한 양을 살펴보세요.',
  },
  unanswered: {
    what: '응답이 오기 전에 연결이 끝났습니다.',
    todo: '클라이언트가 포기했거나, 서버가 멈췄거나, 중간에서 끊었습니다(로드 밸런서의 유휴 시간). 요청한 일은 실행되었을 수 있습니다.',
  },
  answer_missing: {
    what: '응답이 보이지 않지만, 연결의 일부가 캡처에 빠져 있습니다.',
    todo: '빠진 부분에 응답이 있을 수 있어 알 수 없습니다. 더 큰 버퍼로 캡처하세요.',
  },
  unavailable: {
    what: '서버나 그 뒤의 서버가 지금 답하지 않습니다. 응답에 어느 쪽인지 나와 있지 않습니다.',
    todo: '다시 요청하세요. 확장 API라면 APIService를, 아니면 API 서버의 준비 상태(/readyz?verbose)를 확인하세요.',
  },
  server_error: {
    what: '서버 오류입니다.',
    todo: '메시지대로 하거나, API 서버 로그에서 감사 ID를 찾으세요.',
  },
  other: {
    what: '요청이 거부되었습니다.',
    todo: '메시지대로 하세요.',
  },
};
