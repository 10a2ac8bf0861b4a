"""Which films a user would like, after https://keras.io/examples/structured_data/collaborative_filtering_movielens/

python examples/from_keras/collaborative_filtering.py

What differs from the Keras script: nothing.
"""

import numpy as np
import pandas as pd

import fkeras as keras
from fkeras import layers, ops


class RecommenderNet(keras.Model):
    def __init__(self, num_users, num_movies, embedding_size, **kwargs):
        super().__init__(**kwargs)
        self.num_users = num_users
        self.num_movies = num_movies
        self.embedding_size = embedding_size
        self.user_embedding = layers.Embedding(
            num_users,
            embedding_size,
            embeddings_initializer="he_normal",
            embeddings_regularizer=keras.regularizers.l2(1e-6),
        )
        self.user_bias = layers.Embedding(num_users, 1)
        self.movie_embedding = layers.Embedding(
            num_movies,
            embedding_size,
            embeddings_initializer="he_normal",
            embeddings_regularizer=keras.regularizers.l2(1e-6),
        )
        self.movie_bias = layers.Embedding(num_movies, 1)

    def call(self, inputs):
        user_vector = self.user_embedding(inputs[:, 0])
        user_bias = self.user_bias(inputs[:, 0])
        movie_vector = self.movie_embedding(inputs[:, 1])
        movie_bias = self.movie_bias(inputs[:, 1])
        dot_user_movie = ops.tensordot(user_vector, movie_vector, 2)
        x = dot_user_movie + user_bias + movie_bias
        return ops.nn.sigmoid(x)


def load_data(rows):
    """Ratings like those of MovieLens: users that are more or less severe, films that are better or worse."""
    rng = np.random.default_rng(0)
    num_users, num_movies = rows // 20, rows // 40
    users, movies = rng.integers(num_users, size=rows), rng.integers(num_movies, size=rows)
    kind, good = rng.normal(size=num_users), rng.normal(size=num_movies)
    rating = np.clip(np.round(2 * (3 + kind[users] + good[movies])) / 2, 0.5, 5)
    return pd.DataFrame({"userId": users + 1000, "movieId": movies * 7, "rating": rating})


def main(small=False):
    df = load_data(2000 if small else 20000)
    user_ids = df["userId"].unique().tolist()
    user2user_encoded = {x: i for i, x in enumerate(user_ids)}
    movie_ids = df["movieId"].unique().tolist()
    movie2movie_encoded = {x: i for i, x in enumerate(movie_ids)}
    movie_encoded2movie = dict(enumerate(movie_ids))
    df["user"] = df["userId"].map(user2user_encoded)
    df["movie"] = df["movieId"].map(movie2movie_encoded)
    num_users = len(user2user_encoded)
    num_movies = len(movie_encoded2movie)
    df["rating"] = df["rating"].values.astype(np.float32)
    min_rating = min(df["rating"])
    max_rating = max(df["rating"])

    df = df.sample(frac=1, random_state=42)
    x = df[["user", "movie"]].values
    y = df["rating"].apply(lambda x: (x - min_rating) / (max_rating - min_rating)).values
    train_indices = int(0.9 * df.shape[0])
    x_train, x_val, y_train, y_val = (
        x[:train_indices],
        x[train_indices:],
        y[:train_indices],
        y[train_indices:],
    )

    model = RecommenderNet(num_users, num_movies, 50)
    trainer = model.compile(
        loss=keras.losses.BinaryCrossentropy(),
        optimizer=keras.optimizers.Adam(learning_rate=0.001),
    )
    state = trainer.init(0, x_train[:1])
    state, history = trainer.fit(
        state,
        x=x_train,
        y=y_train,
        batch_size=64,
        epochs=5,
        verbose=1,
        validation_data=(x_val, y_val),
    )
    assert history.history["val_loss"][-1] < history.history["val_loss"][0]

    user_id = df.userId.sample(1).iloc[0]
    movies_watched_by_user = df[df.userId == user_id]
    movies_not_watched = sorted(set(movie_ids) - set(movies_watched_by_user.movieId.values))
    movies_not_watched = [[movie2movie_encoded.get(x)] for x in movies_not_watched]
    user_encoder = user2user_encoded.get(user_id)
    user_movie_array = np.hstack(([[user_encoder]] * len(movies_not_watched), movies_not_watched))
    ratings = trainer.predict(state, user_movie_array).flatten()
    top_ratings_indices = ratings.argsort()[-10:][::-1]
    recommended_movie_ids = [movie_encoded2movie.get(movies_not_watched[x][0]) for x in top_ratings_indices]
    print(f"Showing recommendations for user: {user_id}: {recommended_movie_ids}")
    assert len(ratings) == len(movies_not_watched)


if __name__ == "__main__":
    main()
