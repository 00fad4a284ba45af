# `make help` lists what there is. It needs Go and the network; test-real and ci need Java, Maven and redis-server
# too, docs and ci Python 3 and npm.

DATA ?= .data
GO ?= go
GOLANGCI_LINT_VERSION := v2.15.0
WORKFLOWCHECK_VERSION := v0.6.0
HELM_VERSION := v3.22.0
KUBERNETES_VERSION := v1.37.0
WORKER_CONTROLLER_VERSION := v1.8.1
TEMPORAL_CLI_VERSION := v1.5.1
TCTL_VERSION := v1.18.0
SCHEMATHESIS_VERSION := 4.32.5
MKDOCS_MATERIAL_VERSION := 9.8.2
TEST_TIMEOUT := 20m
DURATION ?= 3m
SEED ?= 0
SEEDS ?= 2000
ORDERS ?= 10000
DRILL ?=
CASES ?= 2
FUZZTIME ?= 20s

.DEFAULT_GOAL := help
.PHONY: help run demo stack docs docs-pictures docs-serve test test-unit test-e2e test-real test-document test-abuse test-postgres17 test-helm test-kubernetes test-temporal-cli test-newcomer test-release generate-kubernetes budgets seeds fuzz drill-temporal drill-restore drill-upgrade drill-faults drill-alerts drill-resume soak lint verify generate ci build histories clean-data bench-eventstore bench-projector bench-orders bench-growth bench-flashsale bench-reads bench-access bench-capacity bench FORCE

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: bin/orderloom-dev ## Start everything on this machine, place sample orders, and serve until Ctrl-C
	@bin/orderloom-dev -data $(DATA) run

demo: bin/orderloom-dev ## The same, but stop by itself and fail unless every sample order ended as it should
	@bin/orderloom-dev -data $(DATA) demo

stack: bin/orderloom-dev ## Start PostgreSQL, Temporal with its Web UI and a Kafka broker alone, and print their addresses
	@bin/orderloom-dev -data $(DATA) stack

clean-data: ## Forget what run and demo have kept
	@dev/clean-data.sh $(DATA)

test: test-unit test-e2e ## Everything that proves the platform: unit, property, integration and end-to-end tests

test-unit: ## The tests of the platform and of its benchmarks, with a PostgreSQL and a Kafka broker of their own
	@GO=$(GO) dev/compile.sh "building the platform" . ./...
	$(GO) test -timeout $(TEST_TIMEOUT) ./...
	$(GO) -C bench test -timeout $(TEST_TIMEOUT) ./...

test-e2e: ## The module dev/: the embedded stack, and whole orders on a real Temporal server
	@GO=$(GO) dev/compile.sh "building the embedded stack (the first time takes some minutes)" dev ./...
	$(GO) -C dev test -timeout $(TEST_TIMEOUT) ./...

# Where budgets are, in the module of a folder: a package whose test files have the build tag.
budgets_in = $$(cd $(1) && grep -rl --include='*_test.go' $(2) '^//go:build budgets$$' . | xargs -n1 dirname | sort -u)

budgets: ## Counts that an order must stay within: allocations, SQL statements and events of a saga's history
	$(GO) test -tags budgets -run '^TestBudget' -count=1 -timeout $(TEST_TIMEOUT) $(call budgets_in,.,--exclude-dir=dev --exclude-dir=bench)
	@GO=$(GO) dev/compile.sh "building the embedded stack" dev ./...
	$(GO) -C dev test -tags budgets -run '^TestBudget' -count=1 -timeout $(TEST_TIMEOUT) $(call budgets_in,dev)

test-real: test-postgres17 ## Against real programs: Apache Kafka, Redis, PgBouncer, Prometheus, Stripe's mock server, PostgreSQL 17; what is missing is installed by apt-get and Maven
	$(GO) run ./internal/testing/kafkatest/real -kafkas 3 $(GO) test -tags real -p 1 -count=1 -timeout $(TEST_TIMEOUT) ./broker/... ./relay/... ./projector/... ./readmodel/... ./internal/app/...
	@GO=$(GO) dev/compile.sh "building the soak" dev ./...
	$(GO) run ./internal/testing/kafkatest/real $(GO) -C dev test -count=1 -timeout $(TEST_TIMEOUT) ./soak/...
	$(GO) run ./internal/testing/kafkatest/real $(GO) -C dev test -tags real -count=1 -timeout $(TEST_TIMEOUT) -run 'ARestoredStoreIsRecovered|EveryPanelShowsSomething' ./e2e
	@GO=$(GO) dev/compile.sh "building stripe-mock" internal/tools -o /dev/null github.com/stripe/stripe-mock
	$(GO) test -tags real -timeout $(TEST_TIMEOUT) ./payments/stripe/...

test-document: bin/schemathesis-$(SCHEMATHESIS_VERSION) ## Ask every operation as every role, by schemathesis: make test-document CASES=50 asks more
	@GO=$(GO) dev/compile.sh "building the embedded stack" dev ./...
	$(GO) -C dev test -tags real -count=1 -timeout $(TEST_TIMEOUT) -run AnswersStayWithinTheDocument ./e2e -v \
		-schemathesis ../../bin/schemathesis-$(SCHEMATHESIS_VERSION)/bin/python -cases $(CASES) -schemathesis-seed $(SEED)

test-abuse: ## One abusive caller after the other beside an honest one, on the whole platform: what the honest one waits may not double (4 minutes)
	$(GO) -C bench run ./abuse

test-postgres17: ## The event store and the migrations on PostgreSQL 17, fetched, whatever the machine has installed
	ORDERLOOM_POSTGRES_BIN=fetch $(GO) test -count=1 -timeout $(TEST_TIMEOUT) ./eventstore/... ./migrations/...

fuzz: ## Give anything to every decoder of what comes from outside: make fuzz FUZZTIME=20s for each
	@dev/fuzz.sh $(FUZZTIME)

test-helm: bin/helm-$(HELM_VERSION) ## The chart: helm lint, what it renders, what it refuses, and that the plain manifests are fresh
	HELM=$(CURDIR)/bin/helm-$(HELM_VERSION) $(GO) test -tags helm -timeout $(TEST_TIMEOUT) ./deploy

# What tests of Kubernetes need: a kube-apiserver with etcd, kubectl and Helm.
kubernetes_programs = bin/kubernetes-$(KUBERNETES_VERSION)/kubectl bin/helm-$(HELM_VERSION)
with_kubernetes = KUBERNETES=$(CURDIR)/bin/kubernetes-$(KUBERNETES_VERSION) HELM=$(CURDIR)/bin/helm-$(HELM_VERSION)

test-kubernetes: $(kubernetes_programs) ## On a real kube-apiserver with etcd: what the chart renders, and every command of docs/kubernetes.md (3 minutes, and some 10 more the first time)
	$(GO) -C internal/tools/kubernetes mod tidy -diff
	$(GO) -C internal/tools/worker-controller mod tidy -diff
	$(with_kubernetes) $(GO) test -tags kubernetes -count=1 -timeout $(TEST_TIMEOUT) ./deploy
	@GO=$(GO) dev/compile.sh "building the embedded stack" dev ./...
	$(with_kubernetes) $(GO) -C dev test -tags kubernetes -run 'DocumentOfKubernetes|UpgradeEndsWithItsSetup' -count=1 -timeout $(TEST_TIMEOUT) ./e2e

test-temporal-cli: bin/temporal-$(TEMPORAL_CLI_VERSION)/temporal bin/tctl-$(TCTL_VERSION)/tctl ## Every command of temporal and tctl in the documents, by these programs themselves (some minutes more the first time)
	@GO=$(GO) dev/compile.sh "building the embedded stack" dev ./...
	TEMPORAL_TOOLS=$(CURDIR)/bin/temporal-$(TEMPORAL_CLI_VERSION):$(CURDIR)/bin/tctl-$(TCTL_VERSION) $(GO) -C dev test -tags tools -run TemporalsTools -count=1 -timeout $(TEST_TIMEOUT) ./e2e

test-newcomer: ## In a fresh clone, what the tutorial and the guides have their readers type: make run, make demo, tests by name (5 minutes)
	$(GO) test -tags newcomer -run Newcomer -count=1 -v -timeout $(TEST_TIMEOUT) ./docs

drills := drill-temporal drill-restore drill-upgrade drill-faults drill-alerts drill-resume soak
test-release: test-newcomer test-document test-abuse fuzz test-helm test-kubernetes test-temporal-cli docs-pictures $(drills) bench ## What has to pass before a release, besides ci (some hours)

generate-kubernetes: bin/helm-$(HELM_VERSION) ## Write deploy/kubernetes anew, after a change of the chart
	HELM=$(CURDIR)/bin/helm-$(HELM_VERSION) $(GO) test -tags helm -count=1 -run PlainManifests ./deploy -update

seeds: ## Drive random orders through all that may happen to their money, and audit it: make seeds SEEDS=2000, or one: make seeds SEED=17
	$(GO) test -count=1 -timeout $(TEST_TIMEOUT) -run TestMoney ./internal/testing/moneytest -seeds $(SEEDS) -seed $(SEED)

drill-temporal: ## Take executions away from orders in every state, and drop the databases of Temporal: each order ends as it should
	@GO=$(GO) dev/compile.sh "building the embedded stack" dev ./...
	$(GO) -C dev test -tags drill -run Drill -count=1 -parallel 32 -timeout $(TEST_TIMEOUT) ./e2e $(UPDATE)

drill-restore: ## Carry out docs/backup.md: dumps, a point in time and a lagging replica under load, restored and recovered
	@GO=$(GO) dev/compile.sh "building the embedded stack" dev ./...
	$(GO) -C dev test -tags drill -run RestoringBackups -count=1 -v -parallel 32 -timeout $(TEST_TIMEOUT) ./e2e

drill-upgrade: $(kubernetes_programs) bin/temporal-worker-controller-$(WORKER_CONTROLLER_VERSION) ## Upgrade the chart's release and roll it back while customers buy, its pods being processes of this machine (8 minutes): make drill-upgrade DRILL=build for one
	@GO=$(GO) dev/compile.sh "building the embedded stack" dev ./...
	WORKER_CONTROLLER=$(CURDIR)/bin/temporal-worker-controller-$(WORKER_CONTROLLER_VERSION) $(with_kubernetes) $(GO) -C dev test -tags kubernetes -run 'DrillUpgrade/$(DRILL)' -count=1 -v -timeout $(TEST_TIMEOUT) ./e2e

drill-faults: ## Break what is around the platform, with orders in every state: make drill-faults DRILL=kafka-wiped for one
	@GO=$(GO) dev/compile.sh "building the embedded stack" dev ./...
	$(GO) -C dev test -run 'TestFaults/^$(DRILL)' -count=1 -v -timeout $(TEST_TIMEOUT) ./e2e -full

drill-alerts: ## Provoke alerts on running processes: a real Prometheus has to fire each, and end it
	@GO=$(GO) dev/compile.sh "building the embedded stack" dev ./...
	$(GO) run ./internal/testing/kafkatest/real $(GO) -C dev test -tags real -run AlertsFire -count=1 -v -timeout $(TEST_TIMEOUT) ./e2e

drill-resume: ## Measure how fast 10,000 orders are resumed after the loss of Temporal's databases: make drill-resume ORDERS=10000
	@GO=$(GO) dev/compile.sh "building the embedded stack" dev ./...
	$(GO) -C dev test -tags drill -run ResumingRate -count=1 -v -timeout $(TEST_TIMEOUT) ./e2e -orders $(ORDERS)

soak: bin/orderloom-dev ## Minutes of mixed orders on processes killed at random, then an audit: make soak DURATION=10m SEED=7
	@GO=$(GO) dev/compile.sh "building the product" . -buildvcs=false -o bin/orderloom ./cmd/orderloom
	@bin/orderloom-dev -orderloom bin/orderloom -duration $(DURATION) -seed $(SEED) soak

lint: bin/golangci-lint-$(GOLANGCI_LINT_VERSION) bin/workflowcheck-$(WORKFLOWCHECK_VERSION) ## go vet, the linters with the import rules, and workflowcheck
	$(GO) vet ./...
	$(GO) -C dev vet ./...
	$(GO) -C bench vet ./...
	bin/golangci-lint-$(GOLANGCI_LINT_VERSION) run --allow-parallel-runners ./...
	cd dev && ../bin/golangci-lint-$(GOLANGCI_LINT_VERSION) run --allow-parallel-runners --config ../.golangci.yml ./...
	cd bench && ../bin/golangci-lint-$(GOLANGCI_LINT_VERSION) run --allow-parallel-runners --config ../.golangci.yml ./...
	bin/workflowcheck-$(WORKFLOWCHECK_VERSION) ./workflows/...

generate: ## Write the generated files anew
	$(GO) generate ./...

verify: ## Fail when a generated file or a go.mod is not what it would be generated as
	@dev/verify.sh

ci: ## What the pipeline runs
	@.ci/run

docs: bin/mkdocs-material-$(MKDOCS_MATERIAL_VERSION) ## The documents as a site in bin/docs, with every link and anchor checked
	NO_MKDOCS_2_WARNING=1 $</bin/python -m mkdocs build --strict
	@echo "the site is in bin/docs; make docs-serve shows it with its search"

docs-pictures: ## Go through docs/tutorial.md with a real browser (Chromium), and take its pictures anew
	@dev/slowly.sh "building the embedded stack" $(GO) -C dev build ./...
	$(GO) -C dev test -tags pictures -count=1 -timeout $(TEST_TIMEOUT) -run PicturesOfTheTutorial ./e2e -update-pictures

docs-serve: bin/mkdocs-material-$(MKDOCS_MATERIAL_VERSION) ## The same at http://localhost:8000, built anew with every change
	NO_MKDOCS_2_WARNING=1 $</bin/python -m mkdocs serve --dev-addr localhost:8000

histories: ## Record workflows/testdata anew, after a change of the sagas that no open execution has to survive
	@GO=$(GO) dev/compile.sh "building the recorder" dev -buildvcs=false -o ../bin/record-histories ./cmd/record-histories
	@bin/record-histories workflows/testdata

build: ## The product as one binary: bin/orderloom
	$(GO) build -trimpath -o bin/orderloom ./cmd/orderloom

bench-eventstore: ## Measure appends to the event store against what PostgreSQL itself can do (25 minutes)
	$(GO) -C bench run ./eventstore

bench-projector: ## Measure delivery: events into views, live and in a rebuild, and from append to view
	$(GO) -C bench run ./projector

bench-orders: ## Measure whole orders beside the floor that Temporal itself sets (10 minutes)
	$(GO) -C bench run ./orders

bench-growth: ## Measure what an order costs before and after a million were added
	$(GO) -C bench run ./orders -grow 1000000

bench-flashsale: ## Sell 1,000 pieces of one SKU to 5,000 orders, and as many spread over 1,000 SKUs
	$(GO) -C bench run ./flashsale

bench-reads: ## Measure reads over HTTP at a million orders beside their bare SQL
	$(GO) -C bench run ./reads

bench-access: ## Measure what a key costs: reads of an order beside a bare handler of gin, and placing one beside an open platform
	$(GO) -C bench run ./access

bench-capacity: ## Simulate the plan for ten thousand orders a second with the measured costs
	$(GO) -C bench run ./capacity

bench: bench-eventstore bench-projector bench-orders bench-growth bench-flashsale bench-reads bench-access bench-capacity ## All measurements, one after the other

# Go knows by itself what has changed; -buildvcs=false because a clone may belong to another user.
# -ldflags=-s leaves out what debuggers need and stack traces don't, which takes a third of the time for linking.
bin/orderloom-dev: FORCE
	@GO=$(GO) dev/compile.sh "building the platform and its embedded stack (the first time takes some minutes)" dev -buildvcs=false -ldflags=-s -o ../bin/orderloom-dev ./cmd/orderloom-dev

bin/golangci-lint-$(GOLANGCI_LINT_VERSION):
	@dev/install.sh $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

bin/workflowcheck-$(WORKFLOWCHECK_VERSION):
	@dev/install.sh $@ go.temporal.io/sdk/contrib/tools/workflowcheck@$(WORKFLOWCHECK_VERSION)

bin/temporal-$(TEMPORAL_CLI_VERSION)/temporal:
	@dev/install.sh $@ github.com/temporalio/cli/cmd/temporal@$(TEMPORAL_CLI_VERSION)

# internal/tools/tctl/go.mod has the version.
bin/tctl-$(TCTL_VERSION)/tctl:
	@dev/slowly.sh "building tctl" $(GO) -C internal/tools/tctl build -trimpath -o $(CURDIR)/$@ github.com/temporalio/tctl/cmd/tctl

bin/helm-$(HELM_VERSION):
	@dev/install.sh $@ helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)

bin/kubernetes-$(KUBERNETES_VERSION)/kubectl:
	@dev/kubernetes/install.sh bin/kubernetes-$(KUBERNETES_VERSION) $(KUBERNETES_VERSION)

# internal/tools/worker-controller/go.mod has the version.
bin/temporal-worker-controller-$(WORKER_CONTROLLER_VERSION):
	@dev/slowly.sh "building the worker controller (the first time takes some minutes)" \
		$(GO) -C internal/tools/worker-controller build -trimpath -o $(CURDIR)/$@ github.com/temporalio/temporal-worker-controller/cmd

bin/schemathesis-$(SCHEMATHESIS_VERSION):
	@dev/schemathesis/install.sh $@

bin/mkdocs-material-$(MKDOCS_MATERIAL_VERSION):
	@dev/site/install.sh $@
