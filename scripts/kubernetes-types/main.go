// Writes what sallyport knows of Kubernetes' and etcd's protobuf: the table of messages that `wire` reads, and
// objects of every kind as the official codecs encode them, against which `wire` is tested.
//
// The source is the Go types themselves: their `protobuf` tags have the numbers, their `json` tags the names and
// what is left out. `generated.proto` has neither `$ref` nor what `omitempty` says.
//
// `go run . ../..` here, after a change of the versions in go.mod; the argument is the root of the repository.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsv1beta1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1beta1"
	"k8s.io/apimachinery/pkg/api/apitesting/fuzzer"
	"k8s.io/apimachinery/pkg/api/resource"
	metafuzzer "k8s.io/apimachinery/pkg/apis/meta/fuzzer"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/runtime/serializer/cbor"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
	aggregatorv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	aggregatorv1beta1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1beta1"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
	"sigs.k8s.io/randfill"
)

// Types whose JSON is not their fields.
var forms = map[reflect.Type]string{
	reflect.TypeFor[metav1.Time]():                                       "time",
	reflect.TypeFor[metav1.MicroTime]():                                  "micro_time",
	reflect.TypeFor[metav1.Duration]():                                   "duration",
	reflect.TypeFor[resource.Quantity]():                                 "quantity",
	reflect.TypeFor[intstr.IntOrString]():                                "int_or_string",
	reflect.TypeFor[runtime.RawExtension]():                              "raw",
	reflect.TypeFor[metav1.FieldsV1]():                                   "raw",
	reflect.TypeFor[apiextensionsv1.JSON]():                              "raw",
	reflect.TypeFor[apiextensionsv1beta1.JSON]():                         "raw",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrBool]():             "or_bool",
	reflect.TypeFor[apiextensionsv1beta1.JSONSchemaPropsOrBool]():        "or_bool",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrArray]():            "or_array",
	reflect.TypeFor[apiextensionsv1beta1.JSONSchemaPropsOrArray]():       "or_array",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrStringArray]():      "or_array",
	reflect.TypeFor[apiextensionsv1beta1.JSONSchemaPropsOrStringArray](): "or_array",
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	protoMessage  = reflect.TypeFor[interface{ MarshalTo([]byte) (int, error) }]()
)

type table struct {
	lines map[string][]string
}

func short(t reflect.Type) string {
	path := t.PkgPath()
	for _, prefix := range []string{"k8s.io/api/", "k8s.io/apimachinery/pkg/apis/", "k8s.io/apimachinery/pkg/",
		"k8s.io/apiextensions-apiserver/pkg/apis/", "k8s.io/kube-aggregator/pkg/apis/", "k8s.io/metrics/pkg/apis/",
		"go.etcd.io/etcd/api/v3/"} {
		path = strings.TrimPrefix(path, prefix)
	}
	return path + "." + t.Name()
}

// The name of a type's message, which is described on the way.
func (out *table) message(t reflect.Type) string {
	name := short(t)
	if _, known := out.lines[name]; known {
		return name
	}
	out.lines[name] = nil
	form, special := forms[t]
	switch {
	case special:
	case t.Kind() == reflect.Slice:
		form = "items"
		out.lines[name] = []string{"1 * s items"}
	case t.Implements(jsonMarshaler) || reflect.PointerTo(t).Implements(jsonMarshaler):
		panic(name + " has a JSON of its own")
	}
	switch form {
	case "":
		out.lines[name] = out.fields(t)
	case "or_bool":
		out.lines[name] = []string{"2 ? " + out.message(t.Field(1).Type.Elem()) + " schema"}
	case "or_array":
		out.lines[name] = []string{"1 ? " + out.message(t.Field(0).Type.Elem()) + " schema"}
		if element := t.Field(1).Type.Elem(); element.Kind() == reflect.Struct {
			out.lines[name] = append(out.lines[name], "2 * "+out.message(element)+" array")
		} else {
			out.lines[name] = append(out.lines[name], "2 * s array")
		}
	}
	out.lines[name] = append([]string{"= " + strings.TrimSpace(name+" "+form)}, out.lines[name]...)
	return name
}

func (out *table) fields(t reflect.Type) (lines []string) {
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Tag.Get("protobuf_oneof") != "" {
			wrappers := reflect.New(t).MethodByName("XXX_OneofWrappers").Call(nil)[0]
			for j := range wrappers.Len() {
				wrapper := wrappers.Index(j).Elem().Type()
				if wrapper.Implements(field.Type) {
					lines = append(lines, out.field(t, wrapper.Elem().Field(0), true))
				}
			}
			continue
		}
		if line := out.field(t, field, false); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// number, container (. one, ? optional, * list, % map), type, JSON name, and for what is absent or zero: e it is
// left out, z left out as a whole struct, [] an empty list; ~ the fields stand in the parent.
func (out *table) field(owner reflect.Type, field reflect.StructField, oneof bool) string {
	tag := field.Tag.Get("protobuf")
	name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
	if tag == "" || tag == "-" {
		if name != "-" && name != "" {
			fmt.Fprintf(os.Stderr, "%s.%s is in JSON and not in protobuf\n", short(owner), field.Name)
		}
		return ""
	}
	parts := strings.Split(tag, ",")
	number, err := strconv.Atoi(parts[1])
	if err != nil {
		panic(err)
	}
	t, container := field.Type, "."
	if oneof {
		container = "?"
	}
	isEtcd := strings.Contains(owner.PkgPath(), "etcd")
	// A type that is a list and a message of its own, as ExtraValue.
	isItems := func(t reflect.Type) bool {
		return t.Kind() == reflect.Slice && reflect.PointerTo(t).Implements(protoMessage)
	}
	switch {
	case isItems(t):
	case t.Kind() == reflect.Pointer:
		t, container = t.Elem(), "?"
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		t, container = t.Elem(), "*"
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
	case t.Kind() == reflect.Map:
		if t.Key().Kind() != reflect.String {
			panic(short(owner) + "." + field.Name + " is a map by something else")
		}
		t, container = t.Elem(), "%"
	}
	kind := ""
	switch t.Kind() {
	case reflect.String:
		kind = "s"
	case reflect.Bool:
		kind = "t"
	case reflect.Int32, reflect.Int64:
		kind = "i"
		if _, rest, is := strings.Cut(tag, "enum="); is && rest != "" {
			kind = "e:" + names(t)
		}
	case reflect.Uint32, reflect.Uint64:
		kind = "u"
	case reflect.Float64:
		kind = "f"
	case reflect.Struct:
		kind = out.message(t)
	case reflect.Slice:
		switch {
		case isItems(t):
			kind = out.message(t)
		case t.Elem().Kind() == reflect.Uint8:
			kind = "b"
		}
	}
	if kind == "" {
		panic(short(owner) + "." + field.Name + " is not understood")
	}
	flags := ""
	if kind == "b" && isEtcd {
		switch field.Name {
		case "Key", "RangeEnd":
			kind = "k"
		case "Value":
			kind = "v"
		}
	}
	for _, option := range strings.Split(options, ",") {
		switch option {
		case "omitempty":
			// Structs are never empty to Go's encoder.
			if t.Kind() != reflect.Struct || container != "." {
				flags = "e"
			}
		case "omitzero":
			flags = "z"
			if t.Kind() != reflect.Struct {
				flags = "e"
			}
		case "inline":
			flags = "~"
		}
	}
	if field.Anonymous && name == "" {
		flags = "~"
	}
	// What an event or a comparison is, is said even where it is the first of the names.
	if isEtcd && strings.HasPrefix(kind, "e:") && owner.Name() != "RangeRequest" {
		flags = ""
	}
	if field.Name == "Items" && container == "*" && flags == "" {
		if _, isList := owner.FieldByName("ListMeta"); isList {
			flags = "[]"
		}
	}
	if name == "" && flags != "~" {
		name = field.Name
	}
	return strings.TrimRight(fmt.Sprintf("%d %s %s %s %s", number, container, kind, orDash(name), flags), " ")
}

func orDash(name string) string {
	if name == "" {
		return "-"
	}
	return name
}

// The names of an enumeration, from 0.
func names(t reflect.Type) string {
	var all []string
	for i := range int64(64) {
		value := reflect.New(t).Elem()
		value.SetInt(i)
		name := fmt.Sprint(value.Interface())
		if _, err := strconv.Atoi(name); err == nil {
			break
		}
		all = append(all, name)
	}
	return strings.Join(all, ",")
}

func main() {
	root := os.Args[1]
	must(apiextensionsv1.AddToScheme(scheme.Scheme))
	must(apiextensionsv1beta1.AddToScheme(scheme.Scheme))
	must(aggregatorv1.AddToScheme(scheme.Scheme))
	must(aggregatorv1beta1.AddToScheme(scheme.Scheme))
	must(metricsv1beta1.AddToScheme(scheme.Scheme))
	out := &table{lines: map[string][]string{}}
	var kinds []string
	var all []schema.GroupVersionKind
	seen := map[string]bool{}
	for gvk, t := range scheme.Scheme.AllKnownTypes() {
		if gvk.Version == runtime.APIVersionInternal || !reflect.PointerTo(t).Implements(protoMessage) {
			continue
		}
		version := gvk.GroupVersion().String()
		name := short(t)
		isMeta := strings.HasPrefix(name, "meta/v1.")
		if isMeta {
			version = "*"
		}
		out.message(t)
		line := fmt.Sprintf("k %s %s %s", version, gvk.Kind, name)
		if !seen[line] {
			seen[line] = true
			kinds = append(kinds, line)
			if !isMeta {
				all = append(all, gvk)
			}
		}
	}
	for _, t := range []reflect.Type{
		reflect.TypeFor[etcdserverpb.RangeRequest](), reflect.TypeFor[etcdserverpb.RangeResponse](),
		reflect.TypeFor[etcdserverpb.PutRequest](), reflect.TypeFor[etcdserverpb.PutResponse](),
		reflect.TypeFor[etcdserverpb.DeleteRangeRequest](), reflect.TypeFor[etcdserverpb.DeleteRangeResponse](),
		reflect.TypeFor[etcdserverpb.TxnRequest](), reflect.TypeFor[etcdserverpb.TxnResponse](),
		reflect.TypeFor[etcdserverpb.CompactionRequest](), reflect.TypeFor[etcdserverpb.CompactionResponse](),
		reflect.TypeFor[etcdserverpb.WatchRequest](), reflect.TypeFor[etcdserverpb.WatchResponse](),
		reflect.TypeFor[etcdserverpb.LeaseGrantRequest](), reflect.TypeFor[etcdserverpb.LeaseGrantResponse](),
		reflect.TypeFor[etcdserverpb.LeaseRevokeRequest](), reflect.TypeFor[etcdserverpb.LeaseRevokeResponse](),
		reflect.TypeFor[etcdserverpb.LeaseKeepAliveRequest](), reflect.TypeFor[etcdserverpb.LeaseKeepAliveResponse](),
		reflect.TypeFor[etcdserverpb.LeaseTimeToLiveRequest](), reflect.TypeFor[etcdserverpb.LeaseTimeToLiveResponse](),
		reflect.TypeFor[etcdserverpb.LeaseLeasesRequest](), reflect.TypeFor[etcdserverpb.LeaseLeasesResponse](),
		reflect.TypeFor[etcdserverpb.StatusRequest](), reflect.TypeFor[etcdserverpb.StatusResponse](),
		reflect.TypeFor[etcdserverpb.MemberListRequest](), reflect.TypeFor[etcdserverpb.MemberListResponse](),
	} {
		out.message(t)
	}
	sort.Strings(kinds)
	var text bytes.Buffer
	text.WriteString("# Written by scripts/kubernetes-types: messages (=) with their fields, and kinds (k).\n")
	var messages []string
	for name := range out.lines {
		messages = append(messages, name)
	}
	sort.Strings(messages)
	for _, name := range messages {
		text.WriteString(strings.Join(out.lines[name], "\n") + "\n")
	}
	text.WriteString(strings.Join(kinds, "\n") + "\n")
	must(os.WriteFile(filepath.Join(root, "crates/wire/src/messages/messages.txt"), text.Bytes(), 0o644))
	objects(filepath.Join(root, "crates/wire/tests/goldens/objects.jsonl.gz"), all)
}

// Objects of every kind: an empty one and two filled at random, always the same.
func objects(path string, all []schema.GroupVersionKind) {
	sort.Slice(all, func(i, j int) bool { return all[i].String() < all[j].String() })
	codecs := serializer.NewCodecFactory(scheme.Scheme)
	words := []string{"a", "web", "kube-system", "한국어", "line\nline", "\"quoted\" <b>&", "", "0", "10.0.0.1/8"}
	fill := fuzzer.FuzzerFor(metafuzzer.Funcs, rand.NewSource(1), codecs)
	depth := 0
	random := rand.New(rand.NewSource(2))
	raw := func() []byte {
		return []byte([]string{`{"a":[1,"x",null,{"b":true}]}`, `"text"`, `1.5`, `{}`}[random.Intn(4)])
	}
	fill = fill.NilChance(0.3).NumElements(1, 2).MaxDepth(24).Funcs(
		func(s *string, _ randfill.Continue) { *s = words[random.Intn(len(words))] },
		func(i *int32, _ randfill.Continue) { *i = []int32{0, 1, -1, 80, 1 << 30}[random.Intn(5)] },
		func(i *int64, _ randfill.Continue) { *i = []int64{0, 1, -1, 420, 1 << 62}[random.Intn(5)] },
		func(t *metav1.Time, _ randfill.Continue) {
			*t = metav1.Unix([]int64{0, 1, 951_782_400, 1_785_000_000, -1}[random.Intn(5)], 0)
		},
		func(t *metav1.MicroTime, _ randfill.Continue) {
			*t = metav1.NewMicroTime(time.Unix([]int64{0, 951_782_400, -1}[random.Intn(3)], int64(random.Intn(3))*1000))
		},
		func(r *runtime.RawExtension, _ randfill.Continue) { r.Raw = raw() },
		func(r *apiextensionsv1.JSON, _ randfill.Continue) { r.Raw = raw() },
		func(r *apiextensionsv1beta1.JSON, _ randfill.Continue) { r.Raw = raw() },
		func(f *metav1.FieldsV1, _ randfill.Continue) { f.Raw = []byte(`{"f:metadata":{"f:labels":{".":{}}}}`) },
		func(q *resource.Quantity, _ randfill.Continue) {
			*q = resource.MustParse([]string{"0", "1500m", "64Mi", "3", "1e3"}[random.Intn(5)])
		},
		func(d *metav1.Duration, _ randfill.Continue) {
			d.Duration = []time.Duration{0, 1, 1500, 90_000_000_000, -3_600_000_000_001, 1_500_000, 86_400_000_000_000}[random.Intn(7)]
		},
		func(i *intstr.IntOrString, _ randfill.Continue) {
			*i = []intstr.IntOrString{intstr.FromInt32(80), intstr.FromString("25%"), intstr.FromInt32(-1), intstr.FromInt32(0)}[random.Intn(4)]
		},
		func(b *apiextensionsv1.JSONSchemaPropsOrBool, c randfill.Continue) { b.Allows = c.Bool() },
		func(b *apiextensionsv1beta1.JSONSchemaPropsOrBool, c randfill.Continue) { b.Allows = c.Bool() },
		// Schemas hold schemas: two deep are enough, and all fields of the first.
		func(p *apiextensionsv1.JSONSchemaProps, c randfill.Continue) {
			p.Type = "object"
			if depth++; depth < 3 && random.Intn(2) == 0 {
				c.FillNoCustom(p)
			}
			depth--
		},
		func(p *apiextensionsv1beta1.JSONSchemaProps, c randfill.Continue) {
			p.Type = "object"
			if depth++; depth < 3 && random.Intn(2) == 0 {
				c.FillNoCustom(p)
			}
			depth--
		},
		func(a *apiextensionsv1.JSONSchemaPropsOrArray, c randfill.Continue) {
			if random.Intn(2) == 0 {
				a.Schema = &apiextensionsv1.JSONSchemaProps{Type: "string"}
			} else {
				a.JSONSchemas = []apiextensionsv1.JSONSchemaProps{{Type: "string"}, {}}
			}
		},
		func(a *apiextensionsv1.JSONSchemaPropsOrStringArray, c randfill.Continue) {
			if random.Intn(2) == 0 {
				a.Schema = &apiextensionsv1.JSONSchemaProps{Type: "string"}
			} else {
				a.Property = []string{"x", ""}
			}
		},
	)
	file := must1(os.Create(path))
	compressed := must1(gzip.NewWriterLevel(file, 9))
	lines := bufio.NewWriter(compressed)
	codec := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	cborCodec := cbor.NewSerializer(scheme.Scheme, scheme.Scheme)
	for _, gvk := range all {
		for round := range 3 {
			object := must1(scheme.Scheme.New(gvk))
			if round > 0 {
				fill.Fill(object)
			}
			object.GetObjectKind().SetGroupVersionKind(gvk)
			if items := reflect.ValueOf(object).Elem().FieldByName("Items"); items.IsValid() && items.Kind() == reflect.Slice && items.Len() == 0 {
				items.Set(reflect.MakeSlice(items.Type(), 0, 0))
			}
			var encoded bytes.Buffer
			must(codec.Encode(object, &encoded))
			// What protobuf cannot tell apart is alike in JSON too, as it is to a client of the API server.
			again := must1(scheme.Scheme.New(gvk))
			must1of2(codec.Decode(encoded.Bytes(), &gvk, again))
			again.GetObjectKind().SetGroupVersionKind(gvk)
			if items := reflect.ValueOf(again).Elem().FieldByName("Items"); items.IsValid() && items.Kind() == reflect.Slice && items.Len() == 0 {
				items.Set(reflect.MakeSlice(items.Type(), 0, 0))
			}
			golden := map[string]any{
				"json": again, "protobuf": base64.StdEncoding.EncodeToString(encoded.Bytes()),
			}
			// One of each kind in CBOR as well, which is one format for all kinds.
			if round == 1 {
				var cborEncoded bytes.Buffer
				must(cborCodec.Encode(again, &cborEncoded))
				golden["cbor"] = base64.StdEncoding.EncodeToString(cborEncoded.Bytes())
			}
			line := must1(json.Marshal(golden))
			must1(lines.Write(append(line, '\n')))
		}
	}
	must(lines.Flush())
	must(compressed.Close())
	must(file.Close())
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func must1[T any](value T, err error) T {
	must(err)
	return value
}

func must1of2[T, U any](_ T, _ U, err error) { must(err) }
