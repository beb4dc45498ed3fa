//! Checks on the files of a worker: what the kubelet and kube-proxy are started and let in by.
//! Which files those are, and how they are judged, is `files`'.

use super::super::super::{bench, cis, threat};
use super::{CLOSE, CLOSE_CERTIFICATE, OTHERS_OWN, OTHERS_READ, TO_ROOT, modes, owners};
use crate::check::{Check, Example, Severity, Test};
use crate::words::words;

pub(in super::super) static CHECKS: &[Check] = &[
    mode_check!(
        "kubelet-service-mode",
        Medium,
        "Kubelet",
        "service",
        [cis("4.1.1"), bench("4.1.1"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The kubelet's systemd unit is open to others than its owner",
            "kubelet의 systemd 유닛을 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "kubelet-service-owner",
        "Kubelet",
        "service",
        [cis("4.1.2"), bench("4.1.2"), threat("E5")],
        words(
            "The kubelet's systemd unit is not root's",
            "kubelet의 systemd 유닛의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "proxy-kubeconfig-mode",
        Medium,
        "KubeProxy",
        "kubeconfig",
        [cis("4.1.3"), bench("4.1.3"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "kube-proxy's kubeconfig is open to others than its owner",
            "kube-proxy kubeconfig를 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "proxy-kubeconfig-owner",
        "KubeProxy",
        "kubeconfig",
        [cis("4.1.4"), bench("4.1.4"), threat("E5")],
        words(
            "kube-proxy's kubeconfig is not root's",
            "kube-proxy kubeconfig의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "kubelet-kubeconfig-mode",
        Medium,
        "Kubelet",
        "kubeconfig",
        [cis("4.1.5"), bench("4.1.5"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The kubelet's kubeconfig is open to others than its owner",
            "kubelet kubeconfig를 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "kubelet-kubeconfig-owner",
        "Kubelet",
        "kubeconfig",
        [cis("4.1.6"), bench("4.1.6"), threat("E5")],
        words(
            "The kubelet's kubeconfig is not root's",
            "kubelet kubeconfig의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "kubelet-client-ca-file-mode",
        Medium,
        "Kubelet",
        "client-ca",
        [cis("4.1.7"), bench("4.1.7"), threat("E5")],
        0o644,
        "0644",
        "0666",
        CLOSE_CERTIFICATE,
        words(
            "The certificate authority that the kubelet trusts is open to others than its owner",
            "kubelet이 신뢰하는 인증 기관 파일을 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "kubelet-client-ca-file-owner",
        "Kubelet",
        "client-ca",
        [cis("4.1.8"), bench("4.1.8"), threat("E5")],
        words(
            "The certificate authority that the kubelet trusts is not root's",
            "kubelet이 신뢰하는 인증 기관 파일의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "kubelet-configuration-mode",
        Medium,
        "Kubelet",
        "config",
        [cis("4.1.9"), bench("4.1.9"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The kubelet's configuration is open to others than its owner",
            "kubelet 설정 파일을 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "kubelet-configuration-owner",
        "Kubelet",
        "config",
        [cis("4.1.10"), bench("4.1.10"), threat("E5")],
        words(
            "The kubelet's configuration is not root's",
            "kubelet 설정 파일의 소유자가 root가 아닙니다"
        )
    ),
];
