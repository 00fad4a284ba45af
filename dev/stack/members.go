package stack

import (
	"context"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A member of a consumer group that was not heard of for memberSilence is taken out of its group. It is longer than a
// living member of ours is silent: it waits for others for at most its rebalance timeout, twice.
const (
	memberSilence = 15 * time.Second
	memberCheck   = time.Second
)

// members takes dead members out of their consumer groups, as Kafka does. The embedded broker itself begins no session
// for a member whose connection is gone. It would keep for ever a member that dies while it waits to join.
type members struct {
	cluster *kfake.Cluster
	silence time.Duration

	mu sync.Mutex
	// heard is when each member was heard of last, by group and id. A group is noted when somebody joins it.
	heard map[string]map[string]time.Time
}

func watchMembers(cluster *kfake.Cluster, silence time.Duration) *members {
	m := &members{cluster: cluster, silence: silence, heard: map[string]map[string]time.Time{}}
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat} {
		cluster.ControlKey(key.Int16(), m.hear)
	}
	return m
}

// hear notes who asks. It answers nothing, so the broker does.
func (m *members) hear(request kmsg.Request) (kmsg.Response, error, bool) { //nolint:revive // the broker gives the signature
	var group, member string
	switch r := request.(type) {
	case *kmsg.JoinGroupRequest:
		group, member = r.Group, r.MemberID
	case *kmsg.SyncGroupRequest:
		group, member = r.Group, r.MemberID
	case *kmsg.HeartbeatRequest:
		group, member = r.Group, r.MemberID
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.heard[group] == nil {
		m.heard[group] = map[string]time.Time{}
	}
	m.heard[group][member] = time.Now()
	return nil, nil, false
}

// run takes silent members out until ctx ends.
func (m *members) run(ctx context.Context) {
	client := &kafka.Client{Addr: kafka.TCP(m.cluster.ListenAddrs()...), Transport: &kafka.Transport{}}
	defer client.Transport.(*kafka.Transport).CloseIdleConnections()
	ticker := time.NewTicker(memberCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for group, silent := range m.silent() {
			leave := &kafka.LeaveGroupRequest{GroupID: group}
			for _, id := range silent {
				leave.Members = append(leave.Members, kafka.LeaveGroupRequestMember{ID: id})
			}
			_, _ = client.LeaveGroup(ctx, leave) // asked again at the next check
		}
	}
}

// silent returns the members that were not heard of, by group.
func (m *members) silent() map[string][]string {
	m.mu.Lock()
	groups := make([]string, 0, len(m.heard))
	for group := range m.heard {
		groups = append(groups, group)
	}
	m.mu.Unlock()
	silent := map[string][]string{}
	for _, group := range groups {
		info := m.cluster.GroupInfo(group)
		if info == nil {
			continue
		}
		m.mu.Lock()
		heard := make(map[string]time.Time, len(info.Members))
		for _, member := range info.Members {
			at, known := m.heard[group][member.MemberID]
			if !known { // its first request had no id yet
				at = time.Now()
			}
			heard[member.MemberID] = at
			if time.Since(at) > m.silence {
				silent[group] = append(silent[group], member.MemberID)
			}
		}
		m.heard[group] = heard
		m.mu.Unlock()
	}
	return silent
}
