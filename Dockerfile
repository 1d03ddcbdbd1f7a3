# Serves a predictor's folder, mounted at /predictor, on the CPU (docs/serving.md):
#   docker build -t simpletext .
#   docker run -p 127.0.0.1:8000:8000 -v "$PWD/my-predictor:/predictor:ro" simpletext
FROM python:3.12-slim
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY simpletext simpletext
RUN pip install --no-cache-dir ".[serve]" && useradd --create-home user
USER user
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health')"]
ENTRYPOINT ["simpletext", "serve"]
CMD ["/predictor", "--host", "0.0.0.0"]
