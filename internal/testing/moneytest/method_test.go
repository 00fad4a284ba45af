package moneytest_test

import (
	"encoding/json"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/orderloom/orderloom/workflows"
)

// providePayment is a customer who gives another means of payment.
func (l *life) providePayment(s sight) {
	card := pick(l, stripefake.CardVisa, stripefake.CardVisa, stripefake.CardNoFunds, stripefake.Card3DS, stripefake.CardOnceOnly,
		stripefake.CardConfirmationOnce, stripefake.CardDeclinesAgain)
	r := workflows.PaymentRequest{RequestID: l.id(), RequestHash: card, Token: sealed(card), Keep: l.chance(0.5)}
	l.methods = append(l.methods, r)
	l.provide(s, r)
}

// provideAgain is a program that gives the same once more: under the same key, or under another one.
func (l *life) provideAgain(s sight) {
	r := pick(l, l.methods...)
	switch n := l.intN(3); n {
	case 0:
		r.RequestID = l.id()
	case 1:
		r.RequestHash = "another"
	}
	l.provide(s, r)
}

func (l *life) provide(s sight, r workflows.PaymentRequest) {
	var card string
	if err := json.Unmarshal(r.Token.Data, &card); err != nil {
		panic(err)
	}
	l.mu.Lock()
	l.onceOnly = l.onceOnly || card == stripefake.CardOnceOnly
	l.mu.Unlock()
	l.ask(s, "the customer pays with "+card+" ("+short(r.RequestID)+")", workflows.ProvidePayment, r)
}

func sealed(token string) domain.Sealed {
	data, err := json.Marshal(token)
	if err != nil {
		panic(err)
	}
	return domain.Sealed{Key: "test", Data: data}
}

func short(id uuid.UUID) string { return id.String()[:8] }
