// Says to an etcd, with etcd's own client, what an API server says: objects in protobuf put, read, listed, watched
// and deleted, and a lease. The Secret and the annotation hold canaries that no decoder may show.
package main

import (
	"context"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func stored(kind string, object interface{ Marshal() ([]byte, error) }) string {
	raw := must(object.Marshal())
	unknown := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "v1", Kind: kind}, Raw: raw}
	return "k8s\x00" + string(must(unknown.Marshal()))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client := must(clientv3.New(clientv3.Config{Endpoints: []string{os.Args[1]}}))
	meta := metav1.ObjectMeta{Name: "mine", Namespace: "shop", Annotations: map[string]string{
		"kubectl.kubernetes.io/last-applied-configuration": `{"data":{"password":"canary-applied"}}`,
	}}
	secret := stored("Secret", &corev1.Secret{ObjectMeta: meta, Data: map[string][]byte{"password": []byte("canary-secret")}})
	pod := stored("Pod", &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"},
		Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "app", Image: "web:1"}}},
	})
	watch := client.Watch(ctx, "/registry/pods/", clientv3.WithPrefix(), clientv3.WithCreatedNotify(), clientv3.WithPrevKV())
	<-watch
	lease := must(client.Grant(ctx, 60))
	must(client.Put(ctx, "/registry/secrets/shop/mine", secret))
	created := clientv3.Compare(clientv3.ModRevision("/registry/pods/shop/web"), "=", 0)
	put := clientv3.OpPut("/registry/pods/shop/web", pod, clientv3.WithLease(lease.ID))
	get := clientv3.OpGet("/registry/pods/shop/web")
	must(client.Txn(ctx).If(created).Then(put).Else(get).Commit())
	<-watch
	must(client.Get(ctx, "/registry/secrets/", clientv3.WithPrefix()))
	must(client.Get(ctx, "/registry/pods/shop/web"))
	must(client.Get(ctx, "/registry/pods/", clientv3.WithPrefix(), clientv3.WithCountOnly()))
	must(client.Put(ctx, "/registry/secrets/shop/sealed", "k8s:enc:aescbc:v1:key1:canary-sealed"))
	must(client.Get(ctx, "/registry/secrets/shop/sealed"))
	must(client.KeepAliveOnce(ctx, lease.ID))
	must(client.Delete(ctx, "/registry/pods/shop/web"))
	<-watch
	if _, err := client.Get(ctx, "/registry/pods/", clientv3.WithRev(1_000_000)); err == nil {
		panic("a revision of the future was answered")
	}
	client.Close()
}
