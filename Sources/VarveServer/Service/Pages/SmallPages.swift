import Hummingbird
import VarveFormat
import VarveOperations

struct LoginPage {
  let failed: Bool

  var response: Response {
    PageFrame(title: "Sign in", hasNavigation: false)
      .response(status: failed ? .forbidden : .ok) { page in
        page.raw(
          """
          <div class="login"><h1>Sign in</h1>
          <p>With a token of this service, as <span class="mono">varve server-token add --service</span> prints it.</p>

          """)
        if failed {
          page.raw(
            "<p class=\"error\" role=\"alert\" id=\"wrong\">That token is not, or no longer, good.</p>\n"
          )
        }
        page.raw(
          """
          <form method="post" action="/login">
          <label for="token">Token</label>
          <input id="token" name="token" type="password" autocomplete="current-password" required autofocus\(failed ? " aria-describedby=\"wrong\" aria-invalid=\"true\"" : "")>
          <button class="main" type="submit">Sign in</button>
          </form></div>

          """)
      }
  }
}

struct ErrorPage {
  private let problem: Problem

  init(_ problem: Problem) { self.problem = problem }

  var response: Response {
    var response = PageFrame(title: "\(problem.status)").response(
      status: problem.response.status
    ) { page in
      page.element("h1", "", problem.status == 404 ? "There is nothing here" : "That did not work")
      page.element("p", "", problem.detail)
      page.raw("<p><a href=\"/\">Overview</a></p>\n")
    }
    for field in problem.headers { response.headers[field.name] = field.value }
    return response
  }
}

/// What the service was asked to do.
struct JobsPage {
  let jobs: [JobBook.Job]
  let user: String?

  var response: Response {
    PageFrame(title: "Jobs", place: .jobs, user: user).response { page in
      page.raw(
        "<h1>Jobs</h1><p class=\"sub\">Restores, drills and audits that this service was asked for since it started.</p>\n"
      )
      guard !jobs.isEmpty else {
        page.raw("<p>None yet.</p>\n")
        return
      }
      page.raw("<section aria-label=\"Jobs\">\n")
      page.table(
        "Jobs, newest first",
        [("Begun", ""), ("What", ""), ("State", ""), ("Ended", ""), ("What came of it", "wide")],
        jobs.map { job in
          let level: StatusReport.Level = job.state == .failed ? .bad : .good
          return [
            PageText.time(job.started),
            HTMLText.cell(
              "\(job.kind.rawValue) \(job.name)" + (job.detail.map { "/\($0)" } ?? "")),
            PageText.state(job.state == .succeeded ? "done" : job.state.rawValue, level),
            job.ended == nil ? "–" : PageText.time(job.ended), HTMLText.cell(job.message),
          ]
        })
      page.raw("</section>\n")
    }
  }
}

/// The newest audit of each repository, and those before.
struct LastAuditPage {
  private static let limit = 50

  let repositories: [String]
  /// Newest first.
  let audits: [RunRecord]
  let running: [JobBook.Job]
  let mayAct: Bool
  let user: String?

  var response: Response {
    PageFrame(title: "Audit", place: .audit, user: user).response { page in
      page.raw(
        """
        <h1>Audit</h1>
        <p class="sub">Verifies the whole history of a repository without any key: every entry, every signature, what was let go \
        and by which policy. With policies and kept checkpoints: <span class="mono">varve audit</span>.</p>

        """)
      page.raw(
        "<section aria-labelledby=\"last\"><h2 id=\"last\">Last audit of each repository</h2>\n")
      page.table(
        "Last audit of each repository",
        [("Repository", ""), ("State", ""), ("Made", ""), ("What was found", "wide")]
          + (mayAct ? [("Start", "")] : []),
        repositories.map { name in
          let last = audits.first { $0.name == name && $0.result != .started }
          let isRunning = running.contains { $0.name == name }
          var row = [
            HTMLText.link("/repositories/" + PercentEncoding.encode(name.utf8), name),
            isRunning
              ? PageText.state("running", .good)
              : last.map { Self.state($0) } ?? PageText.state("none", .warning),
            PageText.time(last?.started), HTMLText.cell(last?.message ?? ""),
          ]
          if mayAct {
            row.append(
              isRunning
                ? "–"
                : "<form method=\"post\" action=\"/audit\"><input type=\"hidden\" name=\"repository\" value=\"\(HTMLText.escaped(name))\"><button type=\"submit\" aria-label=\"Start an audit of \(HTMLText.escaped(name))\">Start</button></form>"
            )
          }
          return row
        })
      page.raw("</section>\n")
      guard !audits.isEmpty else { return }
      page.raw("<section aria-labelledby=\"all\"><h2 id=\"all\">All audits by this host</h2>\n")
      page.table(
        "Audits, newest first",
        [("Made", ""), ("Repository", ""), ("State", ""), ("What was found", "wide")],
        audits.prefix(Self.limit).map {
          [
            PageText.time($0.started), HTMLText.cell($0.name), Self.state($0),
            HTMLText.cell($0.message ?? ""),
          ]
        })
      page.raw("</section>\n")
    }
  }

  private static func state(_ record: RunRecord) -> String {
    switch record.result {
    case .started: PageText.state("no end", .warning)
    case .failure: PageText.state("failed", .bad)
    default: PageText.state("holds", .good)
    }
  }
}
