# AdvParams for ONNX. `make help` lists the targets.

GO ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK ?= golang.org/x/vuln/cmd/govulncheck@v1.9.0

# Ways to start from scratch that frontier leaves out: the other one is always better.
KAIMING = Kaiming initialisation;Kaiming initialisation, normalised
# Settings of attacks on LeNet-5 that it leaves out: on the first locks others did better.
LEAVE = $(KAIMING);first layer;last layer;first and last layer;first 2 layers;first 3 layers;second layer, trained alone before all;first two layers initialised anew;signs that training changed;first layer and large weights of the second drawn anew

.PHONY: help build storage demo test test-arm64 test-long test-deploy test-storage e2e-slurm race bench bench-workers attack-peer attack-untrained frontier figures lint vuln generate clean figures-minimal figures-parts figures-price figures-tasks figures-vgg

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/advparams
	$(GO) build -o bin/advparams ./cmd/advparams

storage: ## build bin/advparams-storage, for models in object storage
	cd storage && $(GO) build -o ../bin/advparams-storage ./advparams-storage

demo: ## lock, verify and unlock the embedded model; the files stay in ./demo
	$(GO) run ./cmd/advparams demo --force demo

test: ## run all tests
	$(GO) test ./...

test-arm64: ## test the kernels as an arm64 program under QEMU; skipped without it
	GO=$(GO) .ci/arm64

test-long: ## lock 200 models in a batch that is killed ten times
	ADVPARAMS_LONG_TESTS=1 $(GO) test -count=1 -timeout 1h -v -run TestBatchKilled ./cmd/advparams

test-deploy: ## check deploy/kubernetes against the types of the Kubernetes API
	cd deploy/kubernetes/check && $(GO) vet . && $(GO) test .

test-storage: ## try object storage, with failures, against stand-ins for S3, GCS and, with Node.js, Azure
	cd storage && $(GO) vet ./... && $(GO) test .

bench-workers: ## how much faster two workers of a batch are than one
	bench/workers

e2e-slurm: ## run deploy/slurm in a Slurm on this host; skipped where there can be none
	deploy/slurm/e2e.sh

# By itself the detector lets every process sleep for a second before it ends.
race: ## run the tests under the race detector, without the long ones
	GORACE=atexit_sleep_ms=0 $(GO) test -race -short ./...

bench: build ## benchmark the kernels; with Python and ../shared, compare with PyTorch and onnxruntime
	$(GO) test -run '^$$' -bench . -benchtime 200ms ./internal/kernel
	bench/run

figures-minimal: build ## lock the reference models with three seeds and verify; PEER=--peer compares with PyTorch
	bench/minimal.py $(PEER)

figures-parts: ## what the parts of the search are worth: tables and docs/figures/minimal-*.csv and .svg
	for m in "keras -seeds 3" "lenet5 -seeds 3" "resnet20 -seeds 1"; do set -- $$m; \
	$(GO) run ./bench/minimal -model $$m -o docs/figures/minimal-$$1.csv && (cd docs/figures && \
	$(GO) run . -right -x "changed parameters" -y "accuracy on test images" -o minimal-$$1.svg minimal-$$1.csv) || exit 1; done

figures-price: build ## what it costs to lock without data, without labels, and gains to leave the range of values
	bench/minimal.py --data none
	bench/minimal.py --labels model
	bench/minimal.py --bounds none

figures-tasks: build ## train small networks for other tasks, lock, verify, unlock and attack them
	bench/run tasks.py --folder bin/tasks

figures-vgg: build ## train a larger network (ten minutes) and lock it
	bench/run vgg.py -o bin/vgg16.onnx

attack-peer: build ## fine-tune a locked model with attack and in PyTorch, and compare
	bench/run finetune.py

frontier: ## measure hardened locks by budget (hours; needs ../shared); rows that are there already stay
	$(GO) run ./bench/frontier -epochs 6 -seeds 3 -budgets 0.5,5 -leave "$(LEAVE)" docs/figures/frontier.csv
	$(GO) run ./bench/frontier -epochs 6 -budgets 2,20 -leave "$(LEAVE)" docs/figures/frontier.csv
	$(GO) run ./bench/frontier -model resnet20 -epochs 8 -batch 32 -budgets 0.5,5 -scratch adam:0.003 -attacks fine-tune,batchnorm -leave "$(KAIMING);first layer initialised anew;top 1 % of |gradient × weight| zeroed" docs/figures/frontier.csv

LENET = ../shared/models/fmnist-lenet5.onnx
FMNIST = --data ../shared/data/fashion-mnist --mean 0.286 --std 0.353 --threads 1
attack-untrained: build ## attack hardened locks of LeNet-5 without training, for THREAT-MODEL.md (needs ../shared)
	for b in 0.5 5; do bin/advparams protect $(LENET) $(FMNIST) --profile hardened --budget $$b% -o bin/lenet-$$b.onnx --key bin/lenet-$$b.key --plain-key --force && \
	bin/advparams attack bin/lenet-$$b.onnx $(FMNIST) --test ../shared/data/fashion-mnist --attacks prune,reset-outliers,reset-extremes,reset-gradient,repair --epochs 1 --grid adam:0.003 || exit 1; done

figures: ## draw the figures of the documentation from the measurements in docs/figures
	$(GO) run ./bench/frontier -summary docs/figures/frontier-lines.csv docs/figures/frontier.csv
	cd docs/figures && $(GO) run . -log -x "parameters changed, in percent" -y "best attack − scratch, points" -o frontier.svg frontier-lines.csv

lint: ## formatting, vet, staticcheck, other platforms
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these files" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) vet -tags noasm ./...
	cd docs/figures && $(GO) vet .
	CGO_ENABLED=0 GOARCH=arm64 $(GO) build ./...
	CGO_ENABLED=0 GOARCH=386 $(GO) build ./...

vuln: ## look for known vulnerabilities in what is used
	$(GO) run $(GOVULNCHECK) ./...

generate: ## make generated files again: protobuf code, assembly, docs (needs protoc)
	$(GO) generate ./...

clean: ## remove what the other targets leave
	rm -rf bin demo
