package check

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// inferenceService is what kserve.yaml uses of KServe's types: a predictor is the
// specification of a pod, with fields of its own.
type inferenceService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Predictor struct {
			corev1.PodSpec `json:",inline"`
			MinReplicas    *int32 `json:"minReplicas"`
		} `json:"predictor"`
	} `json:"spec"`
}

func decode(t *testing.T, name string, to any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, to); err != nil {
		t.Fatal(err)
	}
}

// servingPods returns the pods of the manifests that serve models.
func servingPods(t *testing.T) map[string]corev1.PodSpec {
	t.Helper()
	var d appsv1.Deployment
	decode(t, "serve.yaml", &d)
	if d.APIVersion != "apps/v1" || d.Kind != "Deployment" {
		t.Errorf("serve.yaml is a %s %s", d.APIVersion, d.Kind)
	}
	for name, value := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Labels[name] != value {
			t.Errorf("the selector asks for %s=%s, which pods do not have", name, value)
		}
	}
	var s inferenceService
	decode(t, "kserve.yaml", &s)
	if s.APIVersion != "serving.kserve.io/v1beta1" || s.Kind != "InferenceService" {
		t.Errorf("kserve.yaml is a %s %s", s.APIVersion, s.Kind)
	}
	if s.Spec.Predictor.Containers[0].Name != "kserve-container" {
		t.Error("KServe takes the container that is called kserve-container")
	}
	return map[string]corev1.PodSpec{"serve.yaml": d.Spec.Template.Spec, "kserve.yaml": s.Spec.Predictor.PodSpec}
}

// mounts returns where a container mounts volumes.
func mounts(c corev1.Container) map[string]corev1.VolumeMount {
	all := map[string]corev1.VolumeMount{}
	for _, m := range c.VolumeMounts {
		all[m.Name] = m
	}
	return all
}

// TestServing: the unlocked model is in memory alone, and the server sees neither key nor
// identity.
func TestServing(t *testing.T) {
	for name, pod := range servingPods(t) {
		unlock, server := pod.InitContainers[0], pod.Containers[0]
		volumes := map[string]corev1.Volume{}
		for _, v := range pod.Volumes {
			volumes[v.Name] = v
		}
		memory := volumes["models"].EmptyDir
		if memory == nil || memory.Medium != corev1.StorageMediumMemory || memory.SizeLimit == nil {
			t.Fatalf("%s: models are not in memory of a bounded size", name)
		}
		for _, c := range []corev1.Container{unlock, server} {
			if limit := c.Resources.Limits.Memory(); limit.Cmp(*memory.SizeLimit) <= 0 {
				t.Errorf("%s: %s has %v of memory, the models alone may have %v", name, c.Name, limit, memory.SizeLimit)
			}
			for _, m := range c.VolumeMounts {
				if _, ok := volumes[m.Name]; !ok {
					t.Errorf("%s: %s mounts %s, which is no volume", name, c.Name, m.Name)
				}
			}
		}
		in, out := mounts(unlock), mounts(server)
		if len(out) != 1 || !out["models"].ReadOnly || out["models"].MountPath != in["models"].MountPath {
			t.Errorf("%s: the server mounts %v", name, out)
		}
		if in["models"].ReadOnly || !in["locked"].ReadOnly || !in["identity"].ReadOnly {
			t.Errorf("%s: the init container mounts %v", name, in)
		}
		if secret := volumes["identity"].Secret; secret == nil || secret.DefaultMode == nil || *secret.DefaultMode&0o007 != 0 {
			t.Errorf("%s: the identity is no secret that others cannot read", name)
		}
		if !slices.Contains(server.Args, "--model="+path.Join(in["models"].MountPath, "model.onnx")) {
			t.Errorf("%s: the server does not load what was unlocked", name)
		}
		if limits := pod.SecurityContext; limits.FSGroup == nil || limits.RunAsUser == nil || limits.RunAsNonRoot == nil {
			t.Errorf("%s: containers run as different users", name)
		}
	}
}

// TestUnlockArguments runs advparams with the arguments of the init containers, on a test
// vector, in folders that stand for the volumes.
func TestUnlockArguments(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	program := filepath.Join(t.TempDir(), "advparams")
	build := exec.Command("go", "build", "-o", program, "./cmd/advparams")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	vector := filepath.Join(root, "testdata", "vectors", "keys", "sealed-steps")
	for name, pod := range servingPods(t) {
		dir := t.TempDir()
		put := func(from, to string) {
			t.Helper()
			data, err := os.ReadFile(from)
			if err != nil {
				t.Fatal(err)
			}
			to = filepath.Join(dir, to)
			if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, data, 0o640); err != nil {
				t.Fatal(err)
			}
		}
		put(filepath.Join(vector, "locked.onnx"), "locked/model.onnx")
		put(filepath.Join(vector, "model.key"), "locked/model.onnx.key")
		put(filepath.Join(vector, "..", "identities", "x25519.txt"), "identity/identity.txt")
		models := mounts(pod.InitContainers[0])["models"].MountPath
		if err := os.MkdirAll(filepath.Join(dir, models), 0o777); err != nil {
			t.Fatal(err)
		}
		var args []string
		for _, a := range pod.InitContainers[0].Args {
			args = append(args, strings.Replace(a, "/", dir+"/", 1))
		}
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		got, err := os.ReadFile(filepath.Join(dir, models, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(vector, "original", "model.onnx"))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: what the server loads is not the original (%v)", name, err)
		}
	}
}
