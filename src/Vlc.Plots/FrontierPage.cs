using System.Globalization;
using System.Net;
using System.Text;
using Vlc.Codecs.Packed;
using Vlc.Evaluation;
using Vlc.Indexing;

namespace Vlc.Plots;

/// <summary>A frontier as a self-contained web page: the picture and its table.</summary>
public static class FrontierPage
{
    /// <summary>The page as text, to be written as UTF-8.</summary>
    /// <param name="frontier">At least one point.</param>
    /// <param name="title">What was measured, such as a name of the vectors.</param>
    public static string Html(Frontier frontier, string title)
    {
        string svg = FrontierPlot.Svg(frontier, title);
        string heading = WebUtility.HtmlEncode(title);
        string queries = frontier.TuningSource is { } source
            ? $"queries of {WebUtility.HtmlEncode(source)}"
            : "rows held out of training";
        string counts = string.Create(
            CultureInfo.InvariantCulture, $"{frontier.AnchorCount:N0} anchors, {frontier.GroupCount} bases, {frontier.ClassCount} classes");
        string legend = string.Create(
            CultureInfo.InvariantCulture,
            $"among the {frontier.Candidates} exactly nearest rows of each. "
            + $"In bold: what a target recall of {frontier.TargetRecall} chooses.");
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $$"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <title>{{heading}}</title>
            <style>
            body { font-family: sans-serif; margin: 2em auto; max-width: 75em; color: #222; }
            svg { width: 100%; height: auto; }
            table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
            th, td { padding: 0.25em 0.8em; text-align: right; border-bottom: 1px solid #ccc; }
            tr.target { font-weight: bold; background: #f4f4e8; }
            </style>
            </head>
            <body>
            {{svg[svg.IndexOf("<svg", StringComparison.Ordinal)..]}}
            <p>{{frontier.Count:N0}} vectors of {{frontier.Dimension}} dimensions; {{counts}}.
            Recall of an exhaustive scan on {{frontier.Queries:N0}} {{queries}},
            {{legend}}</p>
            <table>
            <tr><th>bytes/vector</th><th>ratio</th><th>coded axes</th><th>bits/axis</th>
            """);
        foreach (RecallAtK recall in frontier.Points[0].Recalls) page.Append(CultureInfo.InvariantCulture, $"<th>recall@{recall.K}</th>");
        page.Append("<th>bytes/vector at the bound</th><th>bits/axis to the bound</th><th>as stored</th></tr>\n");
        foreach (FrontierPoint point in frontier.Points)
        {
            page.Append(
                CultureInfo.InvariantCulture,
                $"<tr{(point.AtTarget ? " class=\"target\"" : "")}><td>{point.BytesPerVector:F2}</td><td>{100 * point.Ratio:F2} %</td>"
                + $"<td>{point.CodedAxes:F1}</td><td>{point.BitsPerCodedAxis:F2}</td>");
            foreach (RecallAtK recall in point.Recalls)
            {
                page.Append(CultureInfo.InvariantCulture, $"<td>{recall.Recall:F4} ± {recall.StandardError:F4}</td>");
            }

            page.Append(
                CultureInfo.InvariantCulture,
                $"<td>{point.BoundBytesPerVector:F2}</td><td>{point.BitsToBound:F3}</td><td>{point.StoredBitsToBound:F3}</td></tr>\n");
        }

        page.Append("</table>\n</body>\n</html>\n");
        return page.ToString();
    }
}
