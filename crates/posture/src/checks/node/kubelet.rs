//! Checks on the kubelet and on kube-proxy: who may speak to them, and what they leave to chance.
//! Without a configuration file the kubelet keeps older and laxer defaults, which is where most of its bad
//! name comes from; which of the two holds is seen from its command line.

use super::super::{bench, checkov, cis, hunter, threat};
use super::api_server::{ciphers, flag, seconds};
use super::setting::{Found, Rule, Setting, all_set, boolean, written};
use super::{NOT_RUNNING, UNREAD};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::object::Object;
use crate::snapshot::place;
use crate::words::words;

pub(super) static CHECKS: &[Check] = &[
    setting_check!(
        "kubelet-anonymous-auth", Critical, "Kubelet",
        words("The kubelet takes requests of nobody", "kubelet이 익명 요청을 받습니다"),
        words("With AlwaysAllow, which belongs to the same old defaults, whoever reaches port 10250 runs commands in every Pod of the node.", "같은 옛 기본값인 AlwaysAllow와 함께라면 10250 포트에 닿는 누구나 노드의 모든 Pod에서 명령을 실행할 수 있습니다."),
        words("Set `authentication.anonymous.enabled: false` in the kubelet's configuration.", "kubelet 설정에 `authentication.anonymous.enabled: false`를 둡니다."),
        [cis("4.2.1"), bench("4.2.1"), checkov("CKV_K8S_138"), hunter("KHV036"), threat("E5")],
        Setting::with_default("anonymous-auth", "false").or_at(&["config", "authentication", "anonymous", "enabled"]).bare("true"), Rule::False,
        pass ["flags: {config: /k}\nconfig: {kind: KubeletConfiguration}", "flags: {anonymous-auth: 'false'}"],
        fail ["flags: {}", "config: {authentication: {anonymous: {enabled: true}}}", "flags: {anonymous-auth: 'true'}\nconfig: {authentication: {anonymous: {enabled: false}}}"]
    ),
    setting_check!(
        "kubelet-authorization", Critical, "Kubelet",
        words("The kubelet allows everything to whoever is signed in", "kubelet이 인증된 누구에게나 모든 것을 허용합니다"),
        words("Any certificate of the cluster then runs commands in every Pod of the node.", "클러스터의 어떤 인증서로도 노드의 모든 Pod에서 명령을 실행할 수 있습니다."),
        words("Set `authorization.mode: Webhook` in the kubelet's configuration.", "kubelet 설정에 `authorization.mode: Webhook`을 둡니다."),
        [cis("4.2.2"), bench("4.2.2"), checkov("CKV_K8S_139"), threat("E5")],
        Setting::with_default("authorization-mode", "Webhook").or_at(&["config", "authorization", "mode"]).bare("AlwaysAllow"), Rule::Lacks("AlwaysAllow"),
        pass ["config: {authorization: {mode: Webhook}}", "flags: {config: /k}\nconfig: {kind: KubeletConfiguration}"], fail ["flags: {}", "config: {authorization: {mode: AlwaysAllow}}"]
    ),
    setting_check!(
        "kubelet-client-ca", Medium, "Kubelet",
        words("The kubelet cannot check client certificates", "kubelet이 클라이언트 인증서를 확인할 수 없습니다"),
        words("The API server then comes to it as nobody, or by a token.", "API 서버가 익명이나 토큰으로 접속하게 됩니다."),
        words("Set `authentication.x509.clientCAFile` in the kubelet's configuration.", "kubelet 설정에 `authentication.x509.clientCAFile`을 둡니다."),
        [cis("4.2.3"), bench("4.2.3"), checkov("CKV_K8S_140"), threat("E5"), threat("E10")],
        Setting::flag("client-ca-file").or_at(&["config", "authentication", "x509", "clientCAFile"]), Rule::Set,
        pass ["config: {authentication: {x509: {clientCAFile: /pki/ca.crt}}}"], fail ["flags: {}", "config: {kind: KubeletConfiguration}"]
    ),
    setting_check!(
        "kubelet-read-only-port", High, "Kubelet",
        words("The kubelet answers in clear and to everybody", "kubelet이 평문으로 누구에게나 응답합니다"),
        words("Port 10255 tells every Pod's specification, environment included.", "10255 포트가 환경 변수를 포함한 모든 Pod의 명세를 알려 줍니다."),
        words("Set `readOnlyPort: 0` in the kubelet's configuration.", "kubelet 설정에 `readOnlyPort: 0`을 둡니다."),
        [cis("4.2.4"), bench("4.2.4"), checkov("CKV_K8S_141"), hunter("KHV043"), threat("E5"), threat("E10")],
        Setting::with_default("read-only-port", "0").or_at(&["config", "readOnlyPort"]).bare("10255"), Rule::Is(&["0"]),
        pass ["config: {readOnlyPort: 0}", "config: {kind: KubeletConfiguration}"], fail ["flags: {}", "config: {readOnlyPort: 10255}", "flags: {read-only-port: 10255}"]
    ),
    node_check!(
        "kubelet-streaming-timeout", Low, "Kubelet",
        words("Sessions of exec and port-forward never time out", "exec와 포트 포워딩 세션이 끝나지 않습니다"),
        words("Forgotten ones pile up until the node has no room.", "잊힌 세션이 쌓여 노드의 자원을 모두 차지합니다."),
        words("Remove `streamingConnectionIdleTimeout: 0`; the default is four hours.", "`streamingConnectionIdleTimeout: 0`을 지웁니다. 기본값은 4시간입니다."),
        [cis("4.2.5"), bench("4.2.5"), checkov("CKV_K8S_143"), threat("E5")],
        streaming,
        pass ["flags: {}", "config: {streamingConnectionIdleTimeout: 5m}"], fail ["config: {streamingConnectionIdleTimeout: 0s}", "flags: {streaming-connection-idle-timeout: 0}"]
    ),
    setting_check!(
        "kubelet-iptables-chains", Low, "Kubelet",
        words("The kubelet does not keep its chains of iptables", "kubelet이 iptables 체인을 관리하지 않습니다"),
        words("Rules of the network then depend on who wrote last.", "네트워크 규칙이 마지막에 기록한 것에 좌우됩니다."),
        words("Remove `makeIPTablesUtilChains: false`.", "`makeIPTablesUtilChains: false`를 지웁니다."),
        [cis("4.2.6"), bench("4.2.6"), checkov("CKV_K8S_145"), threat("E4")],
        Setting::with_default("make-iptables-util-chains", "true").or_at(&["config", "makeIPTablesUtilChains"]), Rule::True,
        pass ["flags: {}", "config: {kind: KubeletConfiguration}"], fail ["config: {makeIPTablesUtilChains: false}"]
    ),
    setting_check!(
        "kubelet-hostname-override",
        Low,
        "Kubelet",
        words("The kubelet gives its node another name", "kubelet이 노드에 다른 이름을 붙입니다"),
        words(
            "Certificates and logs then name a machine that nobody else knows by it.",
            "인증서와 로그에 다른 곳에서 쓰지 않는 이름이 남습니다."
        ),
        words(
            "Remove `--hostname-override`, where the cloud's provider does not need it.",
            "클라우드 제공자에게 필요하지 않다면 `--hostname-override`를 지웁니다."
        ),
        [cis("4.2.7"), bench("4.2.7"), checkov("CKV_K8S_146"), threat("E5")],
        Setting::flag("hostname-override"),
        Rule::Unset,
        pass["flags: {}"],
        fail["flags: {hostname-override: other}"]
    ),
    setting_check!(
        "kubelet-event-rate", Low, "Kubelet",
        words("The kubelet drops most of its events", "kubelet이 대부분의 이벤트를 버립니다"),
        words("What would show an attack is not written down.", "공격의 흔적이 기록되지 않습니다."),
        words("Set `eventRecordQPS` to 0, which is without limit, or keep the default of 50.", "`eventRecordQPS`를 제한이 없는 0으로 두거나 기본값 50을 유지합니다."),
        [cis("4.2.8"), bench("4.2.8"), checkov("CKV_K8S_147"), threat("E8")],
        Setting::with_default("event-qps", "50").or_at(&["config", "eventRecordQPS"]), Rule::Not(&["1", "2", "3", "4"]),
        pass ["flags: {}", "config: {eventRecordQPS: 0}"], fail ["config: {eventRecordQPS: 1}"]
    ),
    node_check!(
        "kubelet-tls-certificate", Medium, "Kubelet",
        words("The kubelet serves a certificate that it made itself", "kubelet이 스스로 만든 인증서를 제공합니다"),
        words("The API server cannot tell it from another's, so that exec and logs can be overheard.", "API 서버가 다른 것과 구별할 수 없어 exec와 로그를 엿들을 수 있습니다."),
        words("Set `serverTLSBootstrap: true`, or `tlsCertFile` and `tlsPrivateKeyFile`.", "`serverTLSBootstrap: true` 또는 `tlsCertFile`과 `tlsPrivateKeyFile`을 설정합니다."),
        [cis("4.2.9"), bench("4.2.9"), checkov("CKV_K8S_148"), threat("E10")],
        tls,
        pass ["config: {tlsCertFile: /k.crt, tlsPrivateKeyFile: /k.key}", "config: {serverTLSBootstrap: true}"], fail ["flags: {}", "config: {tlsCertFile: /k.crt}"]
    ),
    setting_check!(
        "kubelet-rotate-certificate", Medium, "Kubelet",
        words("The kubelet does not renew its client certificate", "kubelet이 클라이언트 인증서를 갱신하지 않습니다"),
        words("It is made to last for years, and a stolen one does so, too.", "오래 쓰도록 만들어져 도난당한 것도 그만큼 유효합니다."),
        words("Set `rotateCertificates: true` in the kubelet's configuration.", "kubelet 설정에 `rotateCertificates: true`를 둡니다."),
        [cis("4.2.10"), bench("4.2.10"), checkov("CKV_K8S_149"), threat("E5")],
        Setting::with_default("rotate-certificates", "false").or_at(&["config", "rotateCertificates"]), Rule::True,
        pass ["config: {rotateCertificates: true}"], fail ["config: {rotateCertificates: false}", "flags: {}"]
    ),
    node_check!(
        "kubelet-rotate-server-certificate", Medium, "Kubelet",
        words("The kubelet may not renew its serving certificate", "kubelet이 서버 인증서를 갱신할 수 없습니다"),
        words("It runs out, and people switch off the check instead.", "만료되면 사람들이 검증을 꺼 버리게 됩니다."),
        words("Remove `RotateKubeletServerCertificate: false` from `featureGates`.", "`featureGates`에서 `RotateKubeletServerCertificate: false`를 지웁니다."),
        [cis("4.2.11"), bench("4.2.11"), threat("E10")],
        server_rotation,
        pass ["flags: {}", "config: {featureGates: {RotateKubeletServerCertificate: true}}"],
        fail ["config: {featureGates: {RotateKubeletServerCertificate: false}}", "flags: {feature-gates: RotateKubeletServerCertificate=false}"]
    ),
    node_check!(
        "kubelet-tls-ciphers", Low, "Kubelet",
        words("The kubelet agrees to weak cipher suites", "kubelet이 약한 암호 스위트를 허용합니다"),
        words("Without a list it also takes suites of TLS 1.2 in CBC mode.", "목록이 없으면 TLS 1.2의 CBC 방식 스위트도 받아들입니다."),
        words("Set `tlsCipherSuites` to suites with ECDHE and GCM or ChaCha20, or `tlsMinVersion: VersionTLS13`.", "`tlsCipherSuites`에 ECDHE와 GCM 또는 ChaCha20 스위트만 적거나 `tlsMinVersion: VersionTLS13`으로 설정합니다."),
        [cis("4.2.12"), bench("4.2.12"), checkov("CKV_K8S_151"), threat("E10")],
        |object| ciphers(object, Setting::flag("tls-cipher-suites").or_at(&["config", "tlsCipherSuites"]), Setting::flag("tls-min-version").or_at(&["config", "tlsMinVersion"])),
        pass ["config: {tlsCipherSuites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]}", "config: {tlsMinVersion: VersionTLS13}"], fail ["flags: {}", "config: {tlsCipherSuites: [TLS_RSA_WITH_AES_128_GCM_SHA256]}"]
    ),
    setting_check!(
        "kubelet-pod-pids", Medium, "Kubelet",
        words("A Pod may start any number of processes", "Pod가 프로세스를 제한 없이 만들 수 있습니다"),
        words("A fork bomb in one Pod stops the whole node.", "Pod 하나의 포크 폭탄이 노드 전체를 멈춥니다."),
        words("Set `podPidsLimit`, as 4096, in the kubelet's configuration.", "kubelet 설정에 `podPidsLimit`를 4096처럼 둡니다."),
        [cis("4.2.13"), bench("4.2.13"), threat("E6")],
        Setting::with_default("pod-max-pids", "-1").or_at(&["config", "podPidsLimit"]), Rule::AtLeast(1.0),
        pass ["config: {podPidsLimit: 4096}"], fail ["flags: {}", "config: {podPidsLimit: -1}"]
    ),
    setting_check!(
        "kubelet-seccomp-default", Medium, "Kubelet",
        words("Pods run without seccomp unless they ask for it", "요청하지 않은 Pod는 seccomp 없이 실행됩니다"),
        words("Each of the kernel's system calls is then open to each container.", "커널의 모든 시스템 호출이 모든 컨테이너에 열립니다."),
        words("Set `seccompDefault: true` in the kubelet's configuration.", "kubelet 설정에 `seccompDefault: true`를 둡니다."),
        [cis("4.2.14"), bench("4.2.14"), threat("E6")],
        Setting::with_default("seccomp-default", "false").or_at(&["config", "seccompDefault"]), Rule::True,
        pass ["config: {seccompDefault: true}"], fail ["flags: {}", "config: {kind: KubeletConfiguration}"]
    ),
    setting_check!(
        "kubelet-kernel-defaults",
        Low,
        "Kubelet",
        words(
            "The kubelet changes the kernel's settings as it likes",
            "kubelet이 커널 설정을 마음대로 바꿉니다"
        ),
        words(
            "What the machine's owner set is overwritten without a word.",
            "시스템 관리자가 정한 값이 조용히 덮어써집니다."
        ),
        words(
            "Set the values that `kernel-…` checks name, then `protectKernelDefaults: true`.",
            "`kernel-…` 검사가 말하는 값을 설정한 뒤 `protectKernelDefaults: true`를 둡니다."
        ),
        [checkov("CKV_K8S_144"), threat("E5")],
        Setting::with_default("protect-kernel-defaults", "false")
            .or_at(&["config", "protectKernelDefaults"]),
        Rule::True,
        pass["config: {protectKernelDefaults: true}"],
        fail["flags: {}"]
    ),
    node_check!(
        "proxy-metrics-address", Low, "KubeProxy",
        words("kube-proxy's metrics are open beyond the node", "kube-proxy의 메트릭이 노드 밖에 열려 있습니다"),
        words("They tell the network's inside to whoever asks, without a sign-in.", "로그인 없이 누구에게나 네트워크 내부를 알려 줍니다."),
        words("Set `metricsBindAddress: 127.0.0.1:10249`, which is the default.", "기본값인 `metricsBindAddress: 127.0.0.1:10249`로 설정합니다."),
        [cis("4.3.1"), bench("4.3.1"), threat("E4")],
        metrics,
        pass ["flags: {}", "config: {metricsBindAddress: '127.0.0.1:10249'}"], fail ["config: {metricsBindAddress: '0.0.0.0:10249'}", "flags: {metrics-bind-address: 0.0.0.0}"]
    ),
];

fn streaming(object: &Object) -> Outcome<'_> {
    let setting = Setting::flag("streaming-connection-idle-timeout")
        .or_at(&["config", "streamingConnectionIdleTimeout"]);
    match setting.find(object) {
        Found::NotRunning => Outcome::NotApplicable(NOT_RUNNING),
        Found::Unknown(reason) => Outcome::Unknown(reason),
        Found::Default(..) => Outcome::Pass,
        Found::Set(values, place) => {
            let never = values.first().and_then(|value| seconds(value)) == Some(0.0);
            Outcome::fail_if(never, place)
        }
    }
}

fn tls(object: &Object) -> Outcome<'_> {
    let signed =
        Setting::flag("rotate-server-certificates").or_at(&["config", "serverTLSBootstrap"]);
    if matches!(signed.judge(object, &Rule::True), Outcome::Pass) {
        return Outcome::Pass;
    }
    all_set(
        object,
        &[
            Setting::flag("tls-cert-file").or_at(&["config", "tlsCertFile"]),
            Setting::flag("tls-private-key-file").or_at(&["config", "tlsPrivateKeyFile"]),
        ],
    )
}

fn server_rotation(object: &Object) -> Outcome<'_> {
    if !place(object, &["process"]).is_set() {
        return Outcome::NotApplicable(NOT_RUNNING);
    }
    let gates = flag(object, "feature-gates");
    let of_flag = gates.node().and_then(written).unwrap_or_default();
    if of_flag.split(',').any(|gate| gate.trim() == "RotateKubeletServerCertificate=false") {
        return Outcome::Fail(vec![gates]);
    }
    if place(object, &["unread", "config"]).is_set() {
        return Outcome::Unknown(UNREAD);
    }
    let gate = place(object, &["config", "featureGates", "RotateKubeletServerCertificate"]);
    Outcome::fail_if(gate.node().and_then(written).and_then(boolean) == Some(false), gate)
}

fn metrics(object: &Object) -> Outcome<'_> {
    let setting = Setting::with_default("metrics-bind-address", "127.0.0.1:10249")
        .or_at(&["config", "metricsBindAddress"]);
    match setting.find(object) {
        Found::NotRunning => Outcome::NotApplicable(NOT_RUNNING),
        Found::Unknown(reason) => Outcome::Unknown(reason),
        Found::Default(..) => Outcome::Pass,
        Found::Set(values, place) => {
            let local = |address: &str| {
                address.is_empty()
                    || ["127.", "localhost", "[::1]", "::1"]
                        .iter()
                        .any(|own| address.starts_with(own))
            };
            Outcome::fail_if(!values.iter().all(|value| local(value)), place)
        }
    }
}
