using System.Globalization;
using ScottPlot;
using ScottPlot.Plottables;
using Vlc.Indexing;
using Vlc.Codecs.Packed;

namespace Vlc.Plots;

/// <summary>Draws a frontier: recall against bytes a vector, the target, and the bytes of a code at the Gaussian bound.</summary>
public static class FrontierPlot
{
    /// <summary>Pixels of a picture.</summary>
    private const int Width = 1100, Height = 700;

    private static readonly Color[] s_colours = [Colors.SteelBlue, Colors.DarkOrange, Colors.SeaGreen];

    /// <summary>The picture as SVG: an XML document.</summary>
    /// <param name="frontier">At least one point.</param>
    /// <param name="title">What was measured, such as a name of the vectors.</param>
    public static string Svg(Frontier frontier, string title) => Draw(frontier, title).GetSvgXml(Width, Height);

    /// <summary>The picture as PNG.</summary>
    /// <param name="frontier">At least one point.</param>
    /// <param name="title">What was measured, such as a name of the vectors.</param>
    public static byte[] Png(Frontier frontier, string title) => Draw(frontier, title).GetImageBytes(Width, Height, ImageFormat.Png);

    private static Plot Draw(Frontier frontier, string title)
    {
        ArgumentNullException.ThrowIfNull(frontier);
        IReadOnlyList<FrontierPoint> points = frontier.Points;
        double[] bytes = [.. points.Select(point => point.BytesPerVector)];
        var plot = new Plot();
        for (int i = 0; i < points[0].Recalls.Count; i++)
        {
            double[] recalls = [.. points.Select(point => point.Recalls[i].Recall)];
            double[] errors = [.. points.Select(point => point.Recalls[i].StandardError)];
            Scatter line = plot.Add.Scatter(bytes, recalls, s_colours[i % s_colours.Length]);
            line.LegendText = $"recall@{points[0].Recalls[i].K} ± standard error";
            line.LineWidth = 2;
            line.MarkerSize = 7;
            ErrorBar bars = plot.Add.ErrorBar(bytes, recalls, errors);
            bars.Color = line.Color;
        }

        int targetIndex = TargetIndex(points[0]);
        double[] targets = [.. points.Select(point => point.Recalls[targetIndex].Recall)];
        Scatter bound = plot.Add.Scatter(
            points.Select(point => point.BoundBytesPerVector).ToArray(), targets, s_colours[targetIndex].Darken(0.3));
        bound.LegendText = $"recall@{points[0].Recalls[targetIndex].K} if the codes were at the Gaussian bound";
        bound.LinePattern = LinePattern.Dashed;
        bound.LineWidth = 2;
        bound.MarkerSize = 0;
        HorizontalLine target = plot.Add.HorizontalLine(frontier.TargetRecall, 1, Color.FromHex("#B22222"), LinePattern.Dotted);
        target.LegendText = string.Create(CultureInfo.InvariantCulture, $"target {frontier.TargetRecall:0.####}");

        double lowest = points.Min(point => point.Recalls.Min(recall => recall.Recall));
        double bottom = Math.Floor((lowest - 0.02) * 20) / 20;
        foreach ((int i, FrontierPoint point) in points.Index())
        {
            Text label = plot.Add.Text(
                string.Create(CultureInfo.InvariantCulture, $"{point.BytesPerVector:F1} B"), point.BytesPerVector, targets[i]);
            label.LabelFontSize = point.AtTarget ? 14 : 11;
            label.LabelBold = point.AtTarget;
            label.LabelFontColor = s_colours[targetIndex].Darken(0.3);
            label.LabelAlignment = Alignment.UpperLeft;
            label.OffsetX = 5;
            label.OffsetY = 4;
        }

        plot.Title(title);
        plot.XLabel("whole index, bytes a vector");
        plot.YLabel("recall of an exhaustive scan");
        plot.ShowLegend(Alignment.LowerRight);
        plot.Axes.SetLimits(0, bytes[^1] * 1.06, bottom, 1.005);
        return plot;
    }

    /// <summary>The index of the target's recall among a point's recalls.</summary>
    private static int TargetIndex(FrontierPoint point) =>
        Math.Max(0, point.Recalls.Index().LastOrDefault(recall => recall.Item.K <= PackedOptions.TargetNeighbors).Index);
}
