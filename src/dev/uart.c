// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * uart: the serial port of every PC.
 *
 * Source: National Semiconductor PC16550D data sheet, "Registers" and "Interrupt Control Functions".
 * Modelled: FIFOs of 16 bytes, interrupts by cause, loopback, modem status, divisor latch (kept, not timed).
 * Left out: line speed, parity, breaks: a byte written is sent at once, or kept until the far end takes it.
 * Threads: board lock held.
 */
#include "dev/uart.h"

#include <string.h>

enum { RBR_THR_DLL, IER_DLM, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define IER_RX    0x01
#define IER_TX    0x02
#define IER_LINE  0x04
#define IER_MODEM 0x08

#define IIR_NONE  0x01
#define IIR_MODEM 0x00
#define IIR_TX    0x02
#define IIR_RX    0x04
#define IIR_LINE  0x06
#define IIR_FIFO  0xc0

#define FCR_ENABLE   0x01
#define FCR_CLEAR_RX 0x02
#define FCR_CLEAR_TX 0x04

#define LCR_DLAB 0x80

#define MCR_DTR  0x01
#define MCR_RTS  0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10

#define LSR_DATA      0x01
#define LSR_OVERRUN   0x02
#define LSR_THR_EMPTY 0x20
#define LSR_TX_EMPTY  0x40

#define MSR_DELTAS 0x0f
#define MSR_CTS    0x10
#define MSR_DSR    0x20
#define MSR_RI     0x40
#define MSR_DCD    0x80

#define FIFO_SIZE 16

struct uart {
    /* saved */
    uint8_t ier, lcr, mcr, scr, dll, dlm, msr_deltas;
    bool fifo_on, overrun;
    bool tx_asked; /* the THR-empty interrupt is due: THR ran empty and IIR has not told it yet */
    uint8_t rx[FIFO_SIZE], rx_head, rx_len;
    uint8_t tx[FIFO_SIZE], tx_head, tx_len; /* what the far end did not take yet */
    /* wiring */
    struct irq irq;
    struct char_port *port;
    struct bus *io;
    uint16_t base;
};

/* Highest pending cause wins (data sheet, "Interrupt Control Functions"). */
static uint8_t pending(const struct uart *u)
{
    if (u->overrun && (u->ier & IER_LINE))
        return IIR_LINE;
    if (u->rx_len > 0 && (u->ier & IER_RX))
        return IIR_RX;
    if (u->tx_asked && (u->ier & IER_TX))
        return IIR_TX;
    if (u->msr_deltas && (u->ier & IER_MODEM))
        return IIR_MODEM;
    return IIR_NONE;
}

/* OUT2 gates the interrupt pin on a PC. */
static void sync_irq(struct uart *u)
{
    irq_set(&u->irq, pending(u) != IIR_NONE && (u->mcr & MCR_OUT2));
}

/*
 * Whether the guest listens. A driver empties the FIFO while it opens the port, so the far end minds RTS as a
 * modem does and keeps its bytes until then. Who never touches the modem lines shows it by the receive
 * interrupt; all four at once are only a probe's test of the register.
 */
static bool listens(const struct uart *u)
{
    bool by_irq = (u->ier & IER_RX) && u->ier != (IER_RX | IER_TX | IER_LINE | IER_MODEM);
    return u->mcr == 0 ? by_irq : (u->mcr & (MCR_RTS | MCR_LOOP)) == MCR_RTS;
}

static void offer_room(struct uart *u)
{
    if (u->rx_len == 0 && u->port->room && listens(u))
        u->port->room(u->port->ctx);
}

static void if_newly_listening(struct uart *u, bool before)
{
    if (!before)
        offer_room(u);
}

/* ---- data ---- */

static void receive_byte(struct uart *u, uint8_t byte)
{
    if (u->rx_len == FIFO_SIZE) {
        u->overrun = true;
        return;
    }
    u->rx[(u->rx_head + u->rx_len) % FIFO_SIZE] = byte;
    u->rx_len++;
}

/* Send what waits, as far as the far end takes it. */
static void transmit(struct uart *u)
{
    while (u->tx_len) {
        unsigned run = FIFO_SIZE - u->tx_head < u->tx_len ? FIFO_SIZE - u->tx_head : u->tx_len;
        size_t sent = u->port->write ? u->port->write(u->port->ctx, &u->tx[u->tx_head], run) : run;
        if (sent == 0 || sent > run)
            return;
        u->tx_head = (uint8_t)((u->tx_head + sent) % FIFO_SIZE);
        u->tx_len = (uint8_t)(u->tx_len - sent);
    }
    u->tx_asked = true;
}

static void write_thr(struct uart *u, uint8_t val)
{
    if (u->mcr & MCR_LOOP) {
        receive_byte(u, val);
        u->tx_asked = true;
        return;
    }
    if (u->tx_len == FIFO_SIZE)
        return; /* the guest did not look at LSR */
    u->tx[(u->tx_head + u->tx_len) % FIFO_SIZE] = val;
    u->tx_len++;
    u->tx_asked = false;
    transmit(u);
}

static uint8_t read_rbr(struct uart *u)
{
    if (u->rx_len == 0)
        return 0;
    uint8_t val = u->rx[u->rx_head];
    u->rx_head = (uint8_t)((u->rx_head + 1) % FIFO_SIZE);
    u->rx_len--;
    offer_room(u);
    return val;
}

/* ---- registers with side effects ---- */

static uint8_t read_iir(struct uart *u)
{
    uint8_t cause = pending(u);
    if (cause == IIR_TX)
        u->tx_asked = false; /* reading it tells it */
    return cause | (u->fifo_on ? IIR_FIFO : 0);
}

static uint8_t read_lsr(struct uart *u)
{
    uint8_t val = u->rx_len ? LSR_DATA : 0;
    uint8_t overrun = u->overrun ? LSR_OVERRUN : 0;
    uint8_t empty = u->tx_len == 0 ? LSR_THR_EMPTY | LSR_TX_EMPTY : 0;
    u->overrun = false;
    return val | overrun | empty;
}

/* In loopback the modem outputs appear as inputs; else a peer is there and ready. */
static uint8_t modem_lines(const struct uart *u)
{
    if (!(u->mcr & MCR_LOOP))
        return MSR_CTS | MSR_DSR | MSR_DCD;
    return (uint8_t)((u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
                     (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0));
}

static uint8_t read_msr(struct uart *u)
{
    uint8_t val = modem_lines(u) | u->msr_deltas;
    u->msr_deltas = 0;
    return val;
}

static void write_mcr(struct uart *u, uint8_t val)
{
    uint8_t before = modem_lines(u);
    bool listened = listens(u);
    u->mcr = val & 0x1f;
    u->msr_deltas |= (uint8_t)((before ^ modem_lines(u)) >> 4 & MSR_DELTAS);
    if_newly_listening(u, listened);
}

static void write_fcr(struct uart *u, uint8_t val)
{
    bool on = val & FCR_ENABLE;
    if (on != u->fifo_on || (val & FCR_CLEAR_RX))
        u->rx_len = u->rx_head = 0;
    if (on != u->fifo_on || (val & FCR_CLEAR_TX))
        u->tx_len = u->tx_head = 0;
    u->fifo_on = on;
    offer_room(u);
}

static void write_ier(struct uart *u, uint8_t val)
{
    bool tx_newly = !(u->ier & IER_TX) && (val & IER_TX), listened = listens(u);
    u->ier = val & 0x0f;
    if (tx_newly && u->tx_len == 0)
        u->tx_asked = true;
    if_newly_listening(u, listened);
}

static uint64_t uart_read(void *dev, uint64_t off, unsigned size)
{
    struct uart *u = dev;
    uint8_t val = 0;
    (void)size;
    switch (off) {
    case RBR_THR_DLL:
        val = u->lcr & LCR_DLAB ? u->dll : read_rbr(u);
        break;
    case IER_DLM:
        val = u->lcr & LCR_DLAB ? u->dlm : u->ier;
        break;
    case IIR_FCR:
        val = read_iir(u);
        break;
    case LCR:
        val = u->lcr;
        break;
    case MCR:
        val = u->mcr;
        break;
    case LSR:
        val = read_lsr(u);
        break;
    case MSR:
        val = read_msr(u);
        break;
    case SCR:
        val = u->scr;
        break;
    }
    sync_irq(u);
    return val;
}

static void uart_write(void *dev, uint64_t off, unsigned size, uint64_t wide)
{
    struct uart *u = dev;
    uint8_t val = (uint8_t)wide;
    (void)size;
    switch (off) {
    case RBR_THR_DLL:
        if (u->lcr & LCR_DLAB)
            u->dll = val;
        else
            write_thr(u, val);
        break;
    case IER_DLM:
        if (u->lcr & LCR_DLAB)
            u->dlm = val;
        else
            write_ier(u, val);
        break;
    case IIR_FCR:
        write_fcr(u, val);
        break;
    case LCR:
        u->lcr = val;
        break;
    case MCR:
        write_mcr(u, val);
        break;
    case SCR:
        u->scr = val;
        break;
    }
    sync_irq(u);
}

/* ---- the far end's side ---- */

static size_t uart_receive(void *dev, const void *buf, size_t len)
{
    struct uart *u = dev;
    if (!listens(u))
        return 0;
    size_t room = (u->fifo_on ? FIFO_SIZE : 1u), n = 0;
    while (n < len && u->rx_len < room)
        receive_byte(u, ((const uint8_t *)buf)[n++]);
    sync_irq(u);
    return n;
}

static void uart_drained(void *dev)
{
    struct uart *u = dev;
    if (u->tx_len)
        transmit(u);
    sync_irq(u);
}

/* ---- state ---- */

static const struct state_field fields[] = {
    STATE(uart, ier, STATE_U8),        STATE(uart, lcr, STATE_U8),       STATE(uart, mcr, STATE_U8),
    STATE(uart, scr, STATE_U8),        STATE(uart, dll, STATE_U8),       STATE(uart, dlm, STATE_U8),
    STATE(uart, msr_deltas, STATE_U8), STATE(uart, fifo_on, STATE_BOOL), STATE(uart, overrun, STATE_BOOL),
    STATE(uart, tx_asked, STATE_BOOL), STATE(uart, rx, STATE_U8),        STATE(uart, rx_head, STATE_U8),
    STATE(uart, rx_len, STATE_U8),     STATE(uart, tx, STATE_U8),        STATE(uart, tx_head, STATE_U8),
    STATE(uart, tx_len, STATE_U8),
};

static int uart_check(const void *obj, struct err *e) /* a snapshot is hostile input */
{
    const struct uart *u = obj;
    if (u->rx_head >= FIFO_SIZE || u->rx_len > FIFO_SIZE)
        return err_set(e, -EINVAL, "receive FIFO %u+%u", u->rx_head, u->rx_len);
    if (u->tx_head >= FIFO_SIZE || u->tx_len > FIFO_SIZE)
        return err_set(e, -EINVAL, "transmit FIFO %u+%u", u->tx_head, u->tx_len);
    return 0;
}

static void uart_loaded(void *obj)
{
    struct uart *u = obj;
    u->irq.level = false;
    sync_irq(u);
}

const struct state_table uart_state = {
    "uart", 1, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct uart), uart_check, uart_loaded};

static const struct bus_ops ops = {uart_read, uart_write};

int uart_new(struct bus *io, uint16_t base, const struct irq *irq, struct char_port *port, struct uart **ret,
             struct err *e)
{
    struct uart *u = calloc(1, sizeof(*u));
    if (!u)
        return err_code(e, -ENOMEM, "serial port");
    u->irq = *irq;
    u->port = port;
    u->io = io;
    u->base = base;
    u->dll = 1;
    int rc = bus_attach(io, base, 8, &ops, u, e);
    if (rc < 0) {
        free(u);
        return err_wrap(e, "serial port");
    }
    port->dev = u;
    port->receive = uart_receive;
    port->drained = uart_drained;
    *ret = u;
    return 0;
}

void uart_free(struct uart *u)
{
    if (!u)
        return;
    bus_detach(u->io, u->base);
    if (u->port->dev == u) { /* the far end may live on */
        u->port->receive = NULL;
        u->port->drained = NULL;
        u->port->dev = NULL;
    }
    free(u);
}
