"""The chat window (Tk): a header that never changes, a transcript, a busy strip and a plain white composer."""

from __future__ import annotations

import time
import tkinter as tk
from tkinter import font as tkfont

from sandbox.desktop.agent.arguments import Arguments, read_arguments
from sandbox.desktop.agent.prompt import Stop, StopKind
from sandbox.desktop.agent.work import Finished, Said, ScriptedAgent, Voice

HEADER_PX = 46
STRIP_PX = 24
COMPOSER_PX = 92
DIALOG_PX = 98
INK = "#1f2430"
FAINT = "#6b7280"
PAPER = "#f6f7f9"
COMPOSER_PAPER = "#ffffff"
IDLE = "#dfe3e8"
WAITS = "#d9cdf0"
BUSY = "#f5a524"
EDGES = {StopKind.ASK: "#8250df", StopKind.ERROR: "#cf222e", StopKind.LIMIT: "#9a6700"}
"""The colour of a dialog's upper edge."""
WAITING = "Waiting for your answer · Esc interrupts"
ACCENTS = ("#3b6ea5", "#7a4f9e", "#2f8f6b", "#b0563f")
SPINNER = "◐◓◑◒"
IDLE_HINT = "Ready · Enter sends, Shift+Enter makes a new line"
_PASTE = """
    if {![catch {tk::GetSelection %s CLIPBOARD} text]} {
        catch {%s delete sel.first sel.last}
        %s insert insert $text
        %s see insert
    }
"""


class ChatWindow:
    """One chat window and its widgets. All methods run in Tk's own thread."""

    def __init__(self, arguments: Arguments) -> None:
        self._who = arguments
        self._agent = ScriptedAgent(name=arguments.agent, folder=arguments.folder, work_seconds=arguments.work_seconds)
        self._messages = 0
        self._started = 0.0
        self._warned_until = 0.0
        # A Toplevel has the instance and class it is given; the root window's are Tk's own invention.
        self._tk = tk.Tk()
        self._tk.withdraw()
        self.root = tk.Toplevel(self._tk, name=arguments.window, class_=arguments.class_name)
        self.root.protocol("WM_DELETE_WINDOW", self._tk.destroy)
        self.root.geometry(arguments.geometry)
        self.root.configure(background=PAPER)
        self._body_font = tkfont.Font(root=self.root, family="DejaVu Sans", size=-12)
        self._bold_font = tkfont.Font(root=self.root, family="DejaVu Sans", size=-13, weight="bold")
        self._small_font = tkfont.Font(root=self.root, family="DejaVu Sans", size=-11)
        self._mono_font = tkfont.Font(root=self.root, family="DejaVu Sans Mono", size=-11)
        self._build_header()
        self._composer = self._build_composer()
        self._strip = self._build_strip()
        self._transcript = self._build_transcript()
        self._dialog: tk.Frame | None = None
        self.root.bind("<Escape>", self._on_escape)
        self._composer.focus_set()
        self._show_title()
        self._note("A scripted demo agent. What you send here is counted, and answered through its octet done line.")

    def _build_header(self) -> None:
        accent = ACCENTS[sum(map(ord, self._who.window)) % len(ACCENTS)]
        header = tk.Canvas(self.root, height=HEADER_PX, background=INK, highlightthickness=0)
        header.pack(side="top", fill="x")
        header.create_oval(10, 9, 38, 37, fill=accent, outline="")
        number = self._who.agent.rpartition("-")[2]
        header.create_text(24, 23, text=number, fill="#ffffff", font=self._bold_font)
        header.create_text(48, 15, text=self._who.agent, fill="#ffffff", font=self._bold_font, anchor="w")
        place = f"{self._who.workspace} · chat window"
        header.create_text(48, 32, text=place, fill="#aab2c0", font=self._small_font, anchor="w")

    def _build_composer(self) -> tk.Text:
        frame = tk.Frame(self.root, height=COMPOSER_PX, background="#c3c9d2")
        frame.pack(side="bottom", fill="x")
        frame.pack_propagate(False)
        composer = tk.Text(
            frame,
            background=COMPOSER_PAPER,
            foreground=INK,
            font=self._body_font,
            wrap="word",
            borderwidth=0,
            highlightthickness=0,
            padx=8,
            pady=6,
            insertwidth=2,
            insertbackground=INK,
            insertofftime=0,  # a caret that does not blink: the composer's pixels do not change
            undo=False,
            exportselection=False,  # selecting is not copying: the X selections stay as they are
        )
        composer.pack(fill="both", expand=True, pady=(1, 0))
        composer.bind("<Return>", self._on_enter)
        composer.bind("<KP_Enter>", self._on_enter)
        composer.bind("<Shift-Return>", self._on_new_line)
        composer.bind("<Control-a>", self._on_select_all)
        composer.bind("<<Paste>>", self._on_paste)
        return composer

    def _build_strip(self) -> tk.Label:
        frame = tk.Frame(self.root, height=STRIP_PX, background=IDLE)
        frame.pack(side="bottom", fill="x")
        frame.pack_propagate(False)
        strip = tk.Label(
            frame, text=IDLE_HINT, background=IDLE, foreground=INK, font=self._small_font, anchor="w", padx=10
        )
        strip.pack(fill="both", expand=True)
        return strip

    def _build_transcript(self) -> tk.Text:
        text = tk.Text(
            self.root,
            background=PAPER,
            foreground=INK,
            font=self._body_font,
            wrap="word",
            borderwidth=0,
            highlightthickness=0,
            padx=10,
            pady=6,
            state="disabled",
            cursor="arrow",
            takefocus=False,
            exportselection=False,
        )
        text.pack(side="top", fill="both", expand=True)
        # As in any chat: what was said can be clicked into, selected and copied; it is never written into.
        text.bind("<Button-1>", lambda _: text.focus_set())
        text.bind("<Control-a>", self._on_select_all)
        text.bind("<FocusOut>", lambda _: text.tag_remove("sel", "1.0", "end"))
        text.tag_configure("who", font=self._small_font, foreground=FAINT, spacing1=8, spacing3=2)
        text.tag_configure(Voice.PROMPT, background="#e3ecf7", lmargin1=6, lmargin2=6, rmargin=6)
        text.tag_configure(Voice.AGENT, lmargin1=6, lmargin2=6, rmargin=6)
        text.tag_configure(Voice.COMMAND, font=self._mono_font, foreground="#37506b", lmargin1=6, lmargin2=6)
        return text

    def _build_dialog(self, stop: Stop) -> tk.Frame:
        """Show the agent's question over the end of the transcript, with its buttons always at the same place."""
        dialog = tk.Frame(self._transcript, background=COMPOSER_PAPER)
        dialog.place(relx=0, rely=1, anchor="sw", relwidth=1, height=DIALOG_PX, bordermode="outside")
        tk.Frame(dialog, background=EDGES[stop.kind]).place(x=0, y=0, relwidth=1, height=6)
        title = tk.Label(dialog, text=stop.title, font=self._bold_font, background=COMPOSER_PAPER, foreground=INK)
        title.place(x=10, y=10)
        ask = stop.kind is StopKind.ASK
        text = f"$ {stop.text}" if ask else stop.text
        shown = tk.Label(
            dialog, text=text, font=self._mono_font, background=COMPOSER_PAPER, foreground=INK, justify="left"
        )
        shown.configure(wraplength=360, anchor="nw")
        shown.place(x=10, y=32, width=366, height=32)
        for place, (name, allowed) in enumerate(
            {"Approve": True, "Deny": False}.items() if ask else (("Continue", True),)
        ):
            button = tk.Label(dialog, text=name, font=self._bold_font, background="#e7eaef", foreground=INK)
            button.place(x=10 + place * 110, y=68, width=100, height=24)
            button.bind("<Button-1>", lambda _, allowed=allowed: self._on_answer(allowed=allowed))
        return dialog

    def _on_answer(self, *, allowed: bool) -> None:
        self._close_dialog()
        self._agent.answer(allowed=allowed)

    def _on_escape(self, _event: tk.Event[tk.Misc]) -> str:
        self._close_dialog()
        self._agent.interrupt()
        return "break"

    def _close_dialog(self) -> None:
        if self._dialog is not None:
            self._dialog.destroy()
            self._dialog = None

    def _on_enter(self, _event: tk.Event[tk.Misc]) -> str:
        text = self._composer.get("1.0", "end-1c")
        if self._agent.submit(text):
            self._composer.delete("1.0", "end")
            self._started = time.monotonic()
            self._messages += 1
            self._tick()
        elif self._agent.busy:
            self._warned_until = time.monotonic() + 3
        return "break"

    def _on_new_line(self, _event: tk.Event[tk.Misc]) -> str:
        self._composer.insert("insert", "\n")
        self._composer.see("insert")
        return "break"

    def _on_select_all(self, event: tk.Event[tk.Text]) -> str:
        event.widget.tag_add("sel", "1.0", "end-1c")
        return "break"

    def _on_paste(self, _event: tk.Event[tk.Misc]) -> str:
        """Paste in Tcl itself, so that no character is converted on its way; Tk on X11 would leave the selection."""
        path = str(self._composer)
        self._tk.tk.eval(_PASTE % (path, path, path, path))
        return "break"

    def _tick(self) -> None:
        finished = False
        for news in self._agent.news():
            if isinstance(news, Finished):
                finished = True
            elif isinstance(news, Stop):
                self._dialog = self._build_dialog(news)
            else:
                self._append(news)
        if finished:
            self._messages += 1
            self._agent.rest()
            self._close_dialog()
            self._strip.configure(background=IDLE, text=IDLE_HINT)
        elif self._dialog is not None:
            if self._strip["text"] != WAITING:  # what shows the same already is not drawn again
                self._strip.configure(background=WAITS, text=WAITING)
            self.root.after(100, self._tick)
        else:
            seconds = time.monotonic() - self._started
            label = f"Working on {self._agent.label} · {seconds:.0f} s"
            if time.monotonic() < self._warned_until:
                label = f"Still working on {self._agent.label}: Enter waits until it ends"
            self._strip.configure(background=BUSY, text=label)
            self.root.after(100, self._tick)
        self._show_title()

    def _show_title(self) -> None:
        ending = f" — {self._who.workspace}"
        if not self._who.lively_title:
            self.root.title(self._who.agent + ending)
            return
        count = "1 message" if self._messages == 1 else f"{self._messages} messages"
        spinner = SPINNER[int(time.monotonic() * 4) % len(SPINNER)] + " " if self._agent.busy else ""
        self.root.title(f"{spinner}{count}{ending}")

    def _append(self, said: Said) -> None:
        self._write(f"{time.strftime('%H:%M:%S')}  {said.speaker(self._who.agent)}\n", "who")
        # A prompt is shown exactly as it was sent, so that its text can be found.
        self._write((said.text if said.voice is Voice.PROMPT else said.text.rstrip("\n")) + "\n", said.voice)

    def _note(self, text: str) -> None:
        self._write(text + "\n", "who")

    def _write(self, text: str, tag: str) -> None:
        self._transcript.configure(state="normal")
        self._transcript.insert("end", text, tag)
        self._transcript.configure(state="disabled")
        self._transcript.see("end")


if __name__ == "__main__":
    ChatWindow(read_arguments()).root.mainloop()
